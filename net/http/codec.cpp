#include "net/http/codec.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <charconv>

namespace lakeferry::http::codec {

namespace {

namespace beast = boost::beast;
using beast::string_view;
using boost::system::error_code;

std::string_view as_std(string_view v) noexcept { return {v.data(), v.size()}; }

bool same_text(std::string_view a, std::string_view lower) noexcept
{
    return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
               return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
           });
}

// Beast's parser, writing into our own values: its containers would cost a copy of every field.
template <bool IsRequest>
class parser final : public beast::http::basic_parser<IsRequest>, public chunked_body {
public:
    std::string method{};
    std::string target{};
    unsigned status = 0;
    bool http11 = true;
    headers fields{};

    parser()
    {
        this->header_limit(0x7fffffff);  // the caller has measured the head
        this->body_limit(boost::none);   // the caller counts
    }

    state feed(std::string_view data, std::size_t& consumed, std::string& append, std::size_t limit) override
    {
        this->eager(true);
        append_ = &append;
        limit_ = limit;
        error_code ec;
        consumed = data.empty() ? 0 : this->put({data.data(), data.size()}, ec);
        append_ = nullptr;
        if (too_large_) return state::too_large;
        if (ec && ec != beast::http::error::need_more) return state::malformed;
        return this->is_done() ? state::done : state::more;
    }

private:
    void on_request_impl(beast::http::verb, string_view m, string_view t, int version, error_code&) override
    {
        method.assign(m.data(), m.size());
        target.assign(t.data(), t.size());
        http11 = version == 11;
    }
    void on_response_impl(int code, string_view, int version, error_code&) override
    {
        status = static_cast<unsigned>(code);
        http11 = version == 11;
    }
    void on_field_impl(beast::http::field, string_view name, string_view value, error_code& ec) override
    {
        if (head_done_) return;  // a trailer
        if (++field_count_ > fields_max) {
            ec = beast::http::error::header_limit;
            return;
        }
        fields.add({name.data(), name.size()}, {value.data(), value.size()});
    }
    void on_header_impl(error_code&) override { head_done_ = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t size, string_view, error_code& ec) override
    {
        if (append_ && size > limit_ - std::min(limit_, append_->size())) {
            too_large_ = true;
            ec = beast::http::error::body_limit;
        }
    }
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override
    {
        if (append_) append_->append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    std::string* append_ = nullptr;
    std::size_t limit_ = 0;
    std::size_t field_count_ = 0;
    bool head_done_ = false;
    bool too_large_ = false;
};

problem of_parser(const error_code& ec)
{
    namespace h = beast::http;
    if (ec == h::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    if (ec == h::error::header_limit) return {431, "the request has too many header fields"};
    if (ec == h::error::bad_method) return {400, "the request line has no valid method"};
    if (ec == h::error::bad_target) return {400, "the request line has no valid target"};
    if (ec == h::error::bad_content_length) return {400, "Content-Length is not one valid number"};
    if (ec == h::error::bad_transfer_encoding) return {400, "Transfer-Encoding is not valid"};
    if (ec == h::error::bad_field || ec == h::error::bad_value) return {400, "a header field is malformed"};
    return {400, "the head of the message is malformed"};
}

bool has_folded_line(std::string_view head) noexcept
{
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2))
        if (at + 2 < head.size() && (head[at + 2] == ' ' || head[at + 2] == '\t')) return true;
    return false;
}

struct framing_fields {
    std::size_t hosts = 0;
    std::size_t lengths = 0;
    std::size_t encodings = 0;
    std::string_view length{};
    std::string_view encoding{};
    std::string_view expect{};
};

framing_fields framing_of(const headers& fields)
{
    framing_fields f;
    for (const auto& [name, value] : fields) {
        // Four lengths decide most fields without comparing a letter.
        if (name.size() == 4 && same_text(name, "host")) ++f.hosts;
        if (name.size() == 6 && same_text(name, "expect")) f.expect = value;
        if (name.size() == 14 && same_text(name, "content-length")) ++f.lengths, f.length = value;
        if (name.size() == 17 && same_text(name, "transfer-encoding")) ++f.encodings, f.encoding = value;
    }
    return f;
}

// Digits only: no sign, no list, no white space inside.
std::optional<std::size_t> parse_length(std::string_view text) noexcept
{
    std::size_t value = 0;
    const auto* last = text.data() + text.size();
    const auto [end, ec] = std::from_chars(text.data(), last, value);
    if (text.empty() || ec != std::errc{} || end != last) return std::nullopt;
    return value;
}

// The rules that both directions share.
std::optional<problem> check_framing(const framing_fields& f, bool http11, framing& body, std::size_t& length)
{
    if (f.lengths > 1) return problem{400, "Content-Length is given more than once"};
    if (f.encodings > 1) return problem{400, "Transfer-Encoding is given more than once"};
    if (f.encodings == 1) {
        if (f.lengths == 1) return problem{400, "Transfer-Encoding beside Content-Length"};
        if (!http11) return problem{400, "Transfer-Encoding in an HTTP/1.0 message"};
        if (!same_text(f.encoding, "chunked"))
            return problem{501, "the only Transfer-Encoding understood here is chunked"};
        body = framing::chunked;
        return std::nullopt;
    }
    if (f.lengths == 1) {
        const auto n = parse_length(f.length);
        if (!n) return problem{400, "Content-Length is not one valid number"};
        length = *n;
        body = framing::length;
    }
    return std::nullopt;
}

// Absolute form ("GET http://host/path") is accepted as RFC 9112 section 3.2.2 asks.
bool normalize_target(const std::string& method, std::string& target)
{
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!target.starts_with(scheme)) continue;
        const auto path = target.find_first_of("/?", scheme.size());
        target = path == std::string::npos ? "/" : target.substr(path);
        if (target.front() == '?') target.insert(0, "/");
    }
    return target.starts_with('/') || (method == "OPTIONS" && target == "*");
}

bool is_token_char(char c) noexcept
{
    const auto u = static_cast<unsigned char>(c);
    return u > 32 && u < 127 && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
}

bool is_own_field(std::string_view name) noexcept
{
    return (name.size() == 14 && same_text(name, "content-length")) ||
           (name.size() == 10 && same_text(name, "connection")) ||
           (name.size() == 17 && same_text(name, "transfer-encoding"));
}

void append_field(std::string& out, std::string_view name, std::string_view value)
{
    out += name;
    out += ": ";
    const auto start = out.size();
    out += value;
    // A value made of foreign data must not start a field of its own.
    for (auto i = start; i < out.size(); ++i)
        if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
    out += "\r\n";
}

void append_number(std::string& out, std::size_t n)
{
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace

std::size_t find_head_end(std::string_view text, std::size_t from) noexcept
{
    const auto at = text.find("\r\n\r\n", from > 3 ? from - 3 : 0);
    return at == std::string_view::npos ? at : at + 4;
}

std::optional<problem> parse_request(std::string_view head, request_parts& out, std::unique_ptr<chunked_body>& chunked)
{
    if (has_folded_line(head)) return problem{400, "a header field continues on a folded line"};
    auto p = std::make_unique<parser<true>>();
    error_code ec;
    p->put({head.data(), head.size()}, ec);
    if (ec) return of_parser(ec);
    if (!p->is_header_done()) return problem{400, "the head of the request is malformed"};

    const auto f = framing_of(p->fields);
    out.http11 = p->http11;
    out.keep_alive = p->keep_alive();
    if (f.hosts > 1) return problem{400, "Host is given more than once"};
    if (f.hosts == 0 && out.http11) return problem{400, "Host is missing"};
    if (auto bad = check_framing(f, out.http11, out.body, out.length)) return bad;
    if (out.body == framing::length && out.length == 0) out.body = framing::none;
    if (!normalize_target(p->method, p->target)) return problem{400, "the request target does not begin with \"/\""};
    if (!f.expect.empty() && out.http11) {
        if (!same_text(f.expect, "100-continue")) return problem{417, "the only expectation met here is 100-continue"};
        out.expects_continue = true;
    }
    out.message.method = std::move(p->method);
    out.message.target = std::move(p->target);
    out.message.fields = std::move(p->fields);
    if (out.body == framing::chunked) chunked = std::move(p);
    return std::nullopt;
}

std::optional<problem> parse_response(std::string_view head, bool to_head, response_parts& out,
                                      std::unique_ptr<chunked_body>& chunked)
{
    auto p = std::make_unique<parser<false>>();
    error_code ec;
    if (to_head) p->skip(true);
    p->put({head.data(), head.size()}, ec);
    if (ec) return of_parser(ec);
    if (!p->is_header_done() || p->status < 100) return problem{400, "the head of the answer is malformed"};

    const auto f = framing_of(p->fields);
    if (auto bad = check_framing(f, p->http11, out.body, out.length)) return bad;
    const bool bodiless = to_head || p->status / 100 == 1 || p->status == 204 || p->status == 304;
    out.keep_alive = bodiless ? p->http11 : p->keep_alive();
    if (const auto connection = p->fields.find("Connection"); connection && bodiless) {
        if (same_text(*connection, "close")) out.keep_alive = false;
        if (same_text(*connection, "keep-alive")) out.keep_alive = true;
    }
    if (bodiless || (out.body == framing::length && out.length == 0))
        out.body = framing::none;
    else if (f.lengths == 0 && f.encodings == 0)
        out.body = framing::to_eof;
    if (out.body == framing::to_eof) out.keep_alive = false;
    out.message.status = p->status;
    out.message.fields = std::move(p->fields);
    if (out.body == framing::chunked) chunked = std::move(p);
    return std::nullopt;
}

bool valid_field(std::string_view name, std::string_view value) noexcept
{
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_char)) return false;
    return std::all_of(value.begin(), value.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return c == '\t' || (u >= 32 && u != 127);
    });
}

bool valid_request_line(std::string_view method, std::string_view target) noexcept
{
    if (method.empty() || !std::all_of(method.begin(), method.end(), is_token_char)) return false;
    return target.starts_with('/') && std::all_of(target.begin(), target.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return u > 32 && u != 127;
    });
}

void write_response_head(const response& what, bool http11, bool keep_alive, std::string& out)
{
    out += http11 ? "HTTP/1.1 " : "HTTP/1.0 ";
    append_number(out, what.status);
    out += ' ';
    out += as_std(beast::http::obsolete_reason(beast::http::int_to_status(what.status)));
    out += "\r\n";
    for (const auto& [name, value] : what.fields)
        if (!is_own_field(name)) append_field(out, name, value);
    if (what.status / 100 != 1 && what.status != 204 && what.status != 304) {
        out += "Content-Length: ";
        append_number(out, what.body.size());
        out += "\r\n";
    }
    if (!keep_alive) out += "Connection: close\r\n";
    if (keep_alive && !http11) out += "Connection: keep-alive\r\n";
    out += "\r\n";
}

void write_response(const response& what, bool to_head, bool http11, bool keep_alive, std::string& out)
{
    write_response_head(what, http11, keep_alive, out);
    if (!to_head && what.status / 100 != 1 && what.status != 204 && what.status != 304) out += what.body;
}

void write_request_head(const request& what, const origin& to, std::string& out)
{
    out += what.method;
    out += ' ';
    out += what.target;
    out += " HTTP/1.1\r\n";
    if (!what.fields.find("Host")) append_field(out, "Host", to.authority());
    for (const auto& [name, value] : what.fields)
        if (!is_own_field(name)) append_field(out, name, value);
    const bool announces = !what.body.empty() || what.method == "POST" || what.method == "PUT" || what.method == "PATCH";
    if (announces) {
        out += "Content-Length: ";
        append_number(out, what.body.size());
        out += "\r\n";
    }
    out += "\r\n";
}

}  // namespace lakeferry::http::codec
