// What may be said of a message's header fields.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace lakeferry::obs {

// Credentials travel in these fields: Authorization, Proxy-Authorization, Cookie, Set-Cookie, and whatever has
// "token", "secret", "key" or "signature" in its name.
bool is_sensitive_field(std::string_view name) noexcept;

// The loggable copy of header fields: a type of its own, so that the raw ones cannot be logged by accident.
// Values of sensitive fields are replaced, others cut at 200 bytes.
class loggable_fields {
public:
    // fields: pairs of name and value, as http::headers is.
    template <class Fields>
    explicit loggable_fields(const Fields& fields)
    {
        for (const auto& [name, value] : fields) add(name, value);
    }
    // "content-type=application/json; authorization=[redacted]"
    const std::string& text() const noexcept { return text_; }

private:
    void add(std::string_view name, std::string_view value);
    std::string text_{};
};

}  // namespace lakeferry::obs
