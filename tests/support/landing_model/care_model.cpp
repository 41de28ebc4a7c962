#include "tests/support/landing_model/care_model.hpp"

#include "net/rt/check.hpp"
#include "sync/core/json.hpp"
#include "sync/core/row_text.hpp"
#include "sync/identity/retype.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <regex>

namespace lakeferry::test {

using namespace fake_databricks;

namespace {

struct change_of_type {
    std::string column{};
    core::column_type to = core::column_type::string;
};

// What the landing's rules make of one row; the rules themselves are those of rows that wait.
row changed(const row& from, const fake_table& t, const change_of_type& what, identity::rewritten& counts)
{
    std::string line = "{";
    for (const auto& [name, value] : from) {
        if (!value || (name != what.column && name != "_rescued_data")) continue;
        const auto c = std::find_if(t.columns.begin(), t.columns.end(), [&, &n = name](const auto& one) { return one.name == n; });
        const bool quoted = name == "_rescued_data" || c == t.columns.end() || c->type_text == "STRING" || c->type_text == "TIMESTAMP" ||
                            c->type_text == "string" || c->type_text == "timestamp";
        line += (line.size() > 1 ? ",\"" : "\"") + name + "\":";
        if (quoted) core::append_quoted(line, *value);
        else line += *value;
    }
    if (line.size() == 1) return from;
    const std::string made = identity::retype_row(line + "}", what.column, what.to, counts);
    row out = from;
    out.erase(what.column);
    out.erase("_rescued_data");
    for (const auto& m : core::members_of(made))
        out[std::string(m.name)] = m.json.starts_with('"')
                                       ? std::string(boost::json::parse({m.json.data(), m.json.size()}).as_string())
                                       : std::string(m.json);
    return out;
}

change_of_type read_change(const std::string& statement, const char* pattern)
{
    std::smatch found;
    rt::check(std::regex_search(statement, found, std::regex(pattern)), "the model knows this change of type");
    return {found[2], core::column_type_of(found[1].str()).value()};
}

}  // namespace

executed retype_in_model(fake_workspace& on, const std::string& table, const std::string& statement)
{
    auto* t = on.tables.find(table);
    if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
    const auto what = read_change(statement, R"(\) AS ([A-Z]+)\) AS `([a-z0-9_]+)`)");
    identity::rewritten counts;
    for (auto& r : t->rows) r = changed(r, *t, what, counts);
    for (auto& c : t->columns)
        if (c.name == what.column) {
            c.type_text = core::sql_name(what.to);
            c.comment.clear();
        }
    t->loaded_files.clear();
    ++t->version;
    return ddl_answer();
}

executed check_in_model(fake_workspace& on, const std::string& table, const std::string& statement)
{
    auto* t = on.tables.find(table);
    if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
    // The type stands in a cast or nowhere (to STRING everything fits).
    change_of_type what;
    std::smatch found;
    rt::check(std::regex_search(statement, found, std::regex(R"(count_if\(`([a-z0-9_]+)` IS NOT NULL)")), "the model knows this check");
    what.column = found[1];
    if (std::regex_search(statement, found, std::regex(R"(try_cast\(get_json_object\([^)]*\) AS ([A-Z]+)\))")))
        what.to = core::column_type_of(found[1].str()).value();
    identity::rewritten counts;
    for (const auto& r : t->rows) (void)changed(r, *t, what, counts);
    return {.columns = {{"lost", "BIGINT"}, {"back", "BIGINT"}},
            .rows = {{std::to_string(counts.rescued), std::to_string(counts.taken_back)}}};
}

executed sweep_in_model(fake_workspace& on, const std::string& table, long long below)
{
    auto* t = on.tables.find(table);
    if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
    change out;
    out.deleted = static_cast<std::int64_t>(std::erase_if(t->rows, [&](const row& r) { return std::stoll(*r.at("seq")) < below; }));
    return merge_answer(out);
}

}  // namespace lakeferry::test
