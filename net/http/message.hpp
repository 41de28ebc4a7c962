// HTTP/1.1 messages as plain values; no Beast in sight.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lakeferry::http {

// Names of fields, media types and the like: equal but for the case of ASCII letters.
bool same_token(std::string_view a, std::string_view b) noexcept;

// Field names compare without case; order and repetitions are kept.
class headers {
public:
    headers() = default;
    headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

    void add(std::string name, std::string value);
    void set(std::string_view name, std::string value);
    // The first field of that name; nullopt: absent.
    std::optional<std::string_view> find(std::string_view name) const noexcept;
    std::size_t count(std::string_view name) const noexcept;
    void clear() noexcept { fields_.clear(); }
    auto begin() const noexcept { return fields_.begin(); }
    auto end() const noexcept { return fields_.end(); }

private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

// Scheme, host and port of a peer. "https" or "http"; the host is a name or an address (no brackets).
// Unix sockets: scheme "unix", host is the path, port empty.
struct origin {
    std::string scheme{};
    std::string host{};
    std::string port{};

    friend bool operator==(const origin&, const origin&) = default;
    friend auto operator<=>(const origin&, const origin&) = default;
    // "https://a.example" without the port if it is the scheme's own.
    std::string text() const;
    // What the Host field says.
    std::string authority() const;
};

struct request {
    std::string method{};
    std::string target{};  // path and query as sent, beginning with "/"
    headers fields{};
    std::string body{};
};

struct response {
    unsigned status = 0;
    headers fields{};
    std::string body{};
};

// "application/json; charset=utf-8" and the body.
response json_response(unsigned status, std::string body);
response text_response(unsigned status, std::string body);

// Splits a target at "?"; neither part is decoded.
std::pair<std::string_view, std::string_view> split_target(std::string_view target) noexcept;
// The decoded value of one query parameter; nullopt: absent or badly encoded.
std::optional<std::string> query_parameter(std::string_view target, std::string_view name);
// Percent-encodes everything but unreserved characters (RFC 3986); encode_path keeps "/" as well.
std::string encode_component(std::string_view text);
std::string encode_path(std::string_view text);

}  // namespace lakeferry::http
