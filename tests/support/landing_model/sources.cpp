#include "tests/support/landing_model/sources.hpp"

namespace lakeferry::test {

std::vector<databricks::column_info> definitions(const std::vector<sql_word>& words)
{
    std::vector<databricks::column_info> out;
    bool begins = true;
    for (const auto& w : words) {
        if (w.is == sql_word::kind::sign) {
            begins = true;
        } else if (begins) {
            out.push_back({.name = w.value});
            begins = false;
        } else if (out.back().type_text.empty()) {
            out.back().type_text = w.value;
        } else if (w.is == sql_word::kind::text) {
            out.back().comment = w.value;
        }
    }
    return out;
}

files_read read_files_of(const std::vector<sql_word>& source)
{
    files_read out;
    std::size_t i = 0;
    while (i < source.size() && source[i].value != "read_files") ++i;
    if (i + 2 >= source.size()) return out;
    out.path = source[i + 2].value;
    for (; i + 3 < source.size() && source[i].value != ")"; ++i) {
        if (source[i + 1].value != "=" || source[i + 2].value != ">") continue;
        if (source[i].value == "format") out.how.format = source[i + 3].value;
        if (source[i].value == "schema") out.how.schema = definitions(split_sql(source[i + 3].value));
    }
    return out;
}

std::vector<std::string> selected(const std::vector<sql_word>& words)
{
    std::vector<std::string> out;
    for (std::size_t i = 1; i < words.size(); ++i)
        if (words[i].is == sql_word::kind::name && words[i - 1].value == "AS") out.push_back(words[i].value);
    return out;
}

std::optional<std::vector<fake_databricks::row>> staged_rows(fake_databricks::fake_workspace& on, const files_read& from)
{
    const auto& path = from.path;
    const auto read = on.file_reader(from.how);
    const auto star = path.find('*');
    if (star == std::string::npos) return read(path);
    std::vector<fake_databricks::row> all;
    bool any = false;
    for (const auto& [file, bytes] : on.files) {
        if (!file.starts_with(path.substr(0, star)) || !file.ends_with(path.substr(star + 1))) continue;
        const auto rows = read(file);
        if (!rows) return std::nullopt;
        all.insert(all.end(), rows->begin(), rows->end());
        any = true;
    }
    if (!any) return std::nullopt;
    return all;
}

}  // namespace lakeferry::test
