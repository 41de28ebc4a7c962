// Quoted text read back by the lexer rules of Databricks SQL is exactly one token that holds exactly the text: an
// injection would be a second token. Databricks' public docs: SQL language reference, literals and identifiers.
#include "net/rt/check.hpp"
#include "sync/databricks/errors.hpp"
#include "sync/databricks/sql.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

using namespace lakeferry;

namespace {

// A backtick-quoted identifier at the start; nullopt: malformed, or something follows.
std::optional<std::string> read_identifier(std::string_view sql)
{
    if (sql.size() < 2 || sql.front() != '`') return std::nullopt;
    std::string out;
    for (std::size_t i = 1; i < sql.size(); ++i) {
        if (sql[i] != '`') {
            out.push_back(sql[i]);
        } else if (i + 1 < sql.size() && sql[i + 1] == '`') {
            out.push_back('`');
            ++i;
        } else {
            return i + 1 == sql.size() ? std::optional(out) : std::nullopt;
        }
    }
    return std::nullopt;
}

unsigned hex(char c)
{
    return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

// A string literal: backslash escapes as Spark's unescapeSQLString reads them.
std::optional<std::string> read_string(std::string_view sql)
{
    if (sql.size() < 2 || sql.front() != '\'') return std::nullopt;
    std::string out;
    for (std::size_t i = 1; i < sql.size(); ++i) {
        const char c = sql[i];
        if (c == '\'') return i + 1 == sql.size() ? std::optional(out) : std::nullopt;
        if (c != '\\') {
            out.push_back(c);
            continue;
        }
        if (++i >= sql.size()) return std::nullopt;
        const char e = sql[i];
        if (e == 'u') {
            if (i + 4 >= sql.size()) return std::nullopt;
            const unsigned code = hex(sql[i + 1]) << 12U | hex(sql[i + 2]) << 8U | hex(sql[i + 3]) << 4U | hex(sql[i + 4]);
            rt::check(code < 0x80, "only single bytes are written so");
            out.push_back(static_cast<char>(code));
            i += 4;
        } else if (e >= '0' && e <= '3') {
            return std::nullopt;  // an octal escape is never meant
        } else {
            out.push_back(e == 'n' ? '\n' : e == 'r' ? '\r' : e == 't' ? '\t' : e);
        }
    }
    return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    rt::check(read_identifier(databricks::quote_identifier(text)) == std::optional<std::string>(text), "an identifier is one token");
    const auto quoted = databricks::quote_string(text);
    rt::check(read_string(quoted) == std::optional<std::string>(text), "a string is one token");
    rt::check(quoted.find("${") == std::string::npos, "no variable is substituted");
    for (const char c : quoted) rt::check(static_cast<unsigned char>(c) >= 0x20, "no control characters");

    const auto header = databricks::comment_header(text, text.substr(size / 2), text);
    rt::check(header.starts_with("/* ") && header.ends_with(" */\n"), "a header is a comment");
    const auto inside = header.substr(3, header.size() - 7);
    rt::check(inside.find("*/") == std::string::npos && inside.find("/*") == std::string::npos &&
                  inside.find('\n') == std::string::npos, "a header cannot be broken out of");

    // The GRANT that is printed is built from a message that somebody else wrote.
    if (const auto missing = databricks::find_missing_privilege(text)) {
        const auto grant = databricks::grant_text(*missing, text);
        rt::check(grant.starts_with("GRANT ") && grant.ends_with(";"), "a grant is one statement");
        const auto outside = grant.substr(0, grant.find('`'));
        rt::check(outside.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ _") == std::string::npos, "and nothing but its words");
    }
    return 0;
}
