#include "tests/support/landing_model/sql_words.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

namespace lakeferry::test {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':'; }

bool same(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
}

char unescaped(char c)
{
    switch (c) {
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case '0': return '\0';
        case 'b': return '\b';
        case 'Z': return '\x1a';
        default: return c;
    }
}

// Of a quoted piece that begins at `at`; leaves `at` behind its end.
std::string quoted(std::string_view s, std::size_t& at, char quote)
{
    std::string out;
    for (++at; at < s.size(); ++at) {
        if (s[at] == '\\' && quote == '\'' && at + 1 < s.size()) {
            if (s[at + 1] == 'u' && at + 5 < s.size()) {
                out.push_back(static_cast<char>(std::stoi(std::string(s.substr(at + 2, 4)), nullptr, 16)));
                at += 5;
                continue;
            }
            out.push_back(unescaped(s[++at]));
        } else if (s[at] == quote) {
            if (quote != '`' || at + 1 >= s.size() || s[at + 1] != '`') break;
            out.push_back(s[++at]);
        } else {
            out.push_back(s[at]);
        }
    }
    ++at;
    return out;
}

}  // namespace

std::vector<sql_word> split_sql(std::string_view s)
{
    std::vector<sql_word> out;
    std::size_t at = 0;
    while (at < s.size()) {
        if (s.substr(at).starts_with("/*")) {
            at = s.find("*/", at) + 2;
        } else if (std::isspace(static_cast<unsigned char>(s[at])) != 0) {
            ++at;
        } else if (s[at] == '\'') {
            out.push_back({sql_word::kind::text, quoted(s, at, '\'')});
        } else if (s[at] == '`') {
            out.push_back({sql_word::kind::name, quoted(s, at, '`')});
        } else if (is_word(s[at])) {
            const std::size_t begin = at;
            while (at < s.size() && is_word(s[at])) ++at;
            out.push_back({sql_word::kind::word, std::string(s.substr(begin, at - begin))});
        } else {
            out.push_back({sql_word::kind::sign, std::string(1, s[at++])});
        }
    }
    return out;
}

bool sql_cursor::matches(std::string_view words, std::size_t& end) const
{
    end = at_;
    for (const auto& wanted : split_sql(words)) {
        if (end >= words_.size() || words_[end].is != wanted.is || !same(words_[end].value, wanted.value)) return false;
        ++end;
    }
    return true;
}

void sql_cursor::surprised(std::string_view wanted) const
{
    const std::string here = at_end() ? "the end" : words_[at_].value;
    std::fprintf(stderr, "the model of the landing's statements wanted %.*s, found %s in:\n%s\n",
                 static_cast<int>(wanted.size()), wanted.data(), here.c_str(), text_.c_str());
    std::abort();
}

bool sql_cursor::eat(std::string_view words)
{
    std::size_t end = 0;
    if (!matches(words, end)) return false;
    at_ = end;
    return true;
}

void sql_cursor::expect(std::string_view words)
{
    if (!eat(words)) surprised(words);
}

std::string sql_cursor::name()
{
    if (at_end() || words_[at_].is != sql_word::kind::name) surprised("a name");
    return words_[at_++].value;
}

std::string sql_cursor::text()
{
    if (at_end() || words_[at_].is != sql_word::kind::text) surprised("a text");
    return words_[at_++].value;
}

std::string sql_cursor::word()
{
    if (at_end() || words_[at_].is != sql_word::kind::word) surprised("a word");
    return words_[at_++].value;
}

std::string sql_cursor::full_name()
{
    std::string out = name();
    while (eat(".")) out += "." + name();
    return out;
}

void sql_cursor::find(std::string_view words)
{
    std::size_t end = 0;
    while (!matches(words, end)) {
        if (at_end()) surprised(words);
        ++at_;
    }
}

void sql_cursor::skip_part()
{
    while (!at_end() && !(words_[at_].is == sql_word::kind::sign && words_[at_].value == ";")) ++at_;
}

std::vector<sql_word> sql_cursor::parenthesis()
{
    expect("(");
    std::vector<sql_word> out;
    for (int depth = 1;; ++at_) {
        if (at_end()) surprised(")");
        const auto& w = words_[at_];
        if (w.is == sql_word::kind::sign && w.value == "(") ++depth;
        if (w.is == sql_word::kind::sign && w.value == ")" && --depth == 0) break;
        out.push_back(w);
    }
    ++at_;
    return out;
}

}  // namespace lakeferry::test
