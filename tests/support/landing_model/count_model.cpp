#include "tests/support/landing_model/count_model.hpp"

#include "tests/support/landing_model/sources.hpp"

#include <algorithm>
#include <set>

namespace lakeferry::test {

using namespace fake_databricks;

namespace {

executed answer(std::ptrdiff_t count)
{
    return {.columns = {{"num_affected_rows", "BIGINT"}}, .rows = {{std::to_string(count)}}};
}

executed count_between(fake_workspace& on, sql_cursor& at)
{
    const std::string table = at.full_name();
    at.expect("WHERE seq >");
    const auto above = std::stoll(at.word());
    at.expect("AND seq <=");
    const auto upto = std::stoll(at.word());
    at.expect("AND (SELECT coalesce(max(load_seq), 0) FROM");
    const std::string fences = at.full_name();
    at.expect("WHERE table_name IN (");
    const std::string fenced = at.text();
    at.expect(", '*')) <");
    const auto load = std::stoll(at.word());
    const auto* t = on.tables.find(table);
    if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
    if (on.tables.fence_of(fences, fenced) >= load) return answer(0);
    return answer(std::count_if(t->rows.begin(), t->rows.end(), [&](const row& r) {
        const auto seq = std::stoll(*r.at("seq"));
        return seq > above && seq <= upto;
    }));
}

executed count_staged(fake_workspace& on, sql_cursor& at)
{
    std::vector<sql_word> source{{sql_word::kind::word, "read_files"}, {sql_word::kind::sign, "("}};
    for (auto& w : at.parenthesis()) source.push_back(std::move(w));
    source.push_back({sql_word::kind::sign, ")"});
    const auto from = read_files_of(source);
    at.expect("AS s LEFT SEMI JOIN");
    const std::string table = at.full_name();
    at.expect("AS t ON t.");
    const std::string key = at.name();
    at.expect("= s.");
    at.name();
    at.expect("AND t.");
    at.name();
    at.expect("> = CAST(");
    at.text();
    at.expect("AS");
    at.word();
    at.expect(")");
    const auto rows = staged_rows(on, from);
    if (!rows) return failed(sql_error("42K03", "PATH_NOT_FOUND", "Path does not exist: " + from.path));
    const auto* t = on.tables.find(table);
    if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
    std::set<cell> there;
    for (const auto& r : t->rows) there.insert(r.at(key));
    return answer(std::count_if(rows->begin(), rows->end(), [&](const row& r) { return there.contains(r.at(key)); }));
}

}  // namespace

executed count_in_model(fake_workspace& on, sql_cursor& at)
{
    return at.eat("read_files") ? count_staged(on, at) : count_between(on, at);
}

}  // namespace lakeferry::test
