#include "tests/support/fake_databricks/recording.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace lakeferry::fake_databricks {
namespace {

// The statement without its comment, texts and numbers. Names count where something is made: what comes later needs it.
std::string shape_of(std::string_view text)
{
    std::string out;
    if (const auto end = text.find("*/"); text.starts_with("/*") && end != text.npos) text.remove_prefix(end + 2);
    if (const auto begin = text.find_first_not_of(" \n"); begin != text.npos) text.remove_prefix(begin);
    if (text.starts_with("CREATE") || text.starts_with("ALTER")) return std::string(text);
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\'' && c == '\\') {
            ++i;
        } else if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (c == '\'' || c == '`') {
            quote = c;
            out += c;
        } else if (std::isdigit(static_cast<unsigned char>(c)) == 0) {
            out += c;
        }
    }
    return out;
}

std::string file_name()
{
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = test == nullptr ? "none" : std::string(test->test_suite_name()) + "." + test->name();
    for (char& c : name)
        if (c == '/') c = '_';
    return name + ".ndjson";
}

}  // namespace

void record_statement(std::string_view body, std::string_view text)
{
    static const char* const folder = std::getenv("LAKEFERRY_STATEMENTS");
    if (folder == nullptr || *folder == 0) return;
    static std::set<std::string> known;
    static std::set<std::string> begun;
    const std::string name = file_name();
    if (!known.insert(name + shape_of(text)).second) return;
    std::filesystem::create_directories(folder);
    const bool first = begun.insert(name).second;
    std::ofstream out(std::filesystem::path(folder) / name, first ? std::ios::trunc : std::ios::app);
    out << body << '\n';
}

}  // namespace lakeferry::fake_databricks
