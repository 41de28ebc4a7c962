#include "tests/support/fake_databricks/answers.hpp"

#include <boost/json/serialize.hpp>

#include <cctype>
#include <cstdint>

namespace lakeferry::fake_databricks::detail {

http::response json_answer(const boost::json::object& body, unsigned status)
{
    return http::json_response(status, boost::json::serialize(body));
}

http::response error_answer(unsigned status, std::string_view code, std::string_view message)
{
    return json_answer({{"error_code", boost::json::string_view(code.data(), code.size())},
                        {"message", boost::json::string_view(message.data(), message.size())}},
                       status);
}

std::string decode(std::string_view text)
{
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::string lower(std::string_view text)
{
    std::string out(text);
    for (auto& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::vector<std::string> split(std::string_view text, char at)
{
    std::vector<std::string> out;
    for (;;) {
        const auto found = text.find(at);
        out.emplace_back(text.substr(0, found));
        if (found == std::string_view::npos) return out;
        text.remove_prefix(found + 1);
    }
}

std::string hex_id(std::uint64_t number)
{
    static constexpr std::string_view hex = "0123456789abcdef";
    std::string tail;
    for (int shift = 44; shift >= 0; shift -= 4) tail.push_back(hex[(number >> static_cast<unsigned>(shift)) & 15U]);
    return "01f03748-1a26-196b-a7b0-" + tail;
}

}  // namespace lakeferry::fake_databricks::detail
