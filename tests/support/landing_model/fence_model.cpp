#include "tests/support/landing_model/fence_model.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace lakeferry::test {

using namespace fake_databricks;

namespace {

struct fence_row {
    std::string name{};
    std::int64_t load = 0;
    std::optional<std::string> report{};
};

// A text of the report that stands for the count and so much more.
using late_number = std::pair<std::string, std::int64_t>;

std::vector<fence_row> read_rows(sql_cursor& at)
{
    std::vector<fence_row> out;
    while (at.eat("(")) {
        fence_row one;
        one.name = at.text();
        at.expect(", CAST(");
        one.load = std::stoll(at.word());
        at.expect("AS BIGINT),");
        if (!at.eat("CAST(NULL AS STRING)")) one.report = at.text();
        at.expect(")");
        at.eat(",");
        out.push_back(std::move(one));
    }
    at.expect("AS v(table_name, load_seq, report)");
    return out;
}

// replace(replace(v.report, 'x', CAST(c.n + 1 AS STRING)), …)
std::vector<late_number> read_late(sql_cursor& at)
{
    std::vector<late_number> out;
    at.expect("replace");
    for (const auto& w : at.parenthesis()) {
        if (w.is == sql_word::kind::text) out.emplace_back(w.value, -1);
        const bool number = w.is == sql_word::kind::word && w.value.find_first_not_of("0123456789") == std::string::npos;
        if (number) out.back().second = std::stoll(w.value);
    }
    return out;
}

// `t` WHERE seq > a AND seq <= b
executed count_between(fake_workspace& on, sql_cursor& at)
{
    const std::string table = at.full_name();
    at.expect("WHERE seq >");
    const auto above = std::stoll(at.word());
    at.expect("AND seq <=");
    const auto upto = std::stoll(at.word());
    const auto* t = on.tables.find(table);
    if (t == nullptr) return failed(sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table));
    const auto count = std::count_if(t->rows.begin(), t->rows.end(), [&](const row& r) {
        const auto seq = std::stoll(*r.at("seq"));
        return seq > above && seq <= upto;
    });
    return {.columns = {{"num_affected_rows", "BIGINT"}}, .rows = {{std::to_string(count)}}};
}

change add_report(fake_workspace& on, const std::string& table, const fence_row& one)
{
    change out;
    auto* t = on.tables.find(table);
    if (t == nullptr) {
        out.error = sql_error("42P01", "TABLE_OR_VIEW_NOT_FOUND", table);
        return out;
    }
    const bool there = std::any_of(t->rows.begin(), t->rows.end(), [&](const row& r) { return r.at("table_name") == one.name; });
    if (there) return out;
    t->rows.push_back({{"table_name", one.name}, {"load_seq", std::to_string(one.load)}, {"report", one.report}});
    out.inserted = 1;
    return out;
}

std::string counted(std::string report, const std::vector<late_number>& late, std::int64_t count)
{
    for (const auto& [stands, more] : late)
        for (auto at = report.find(stands); at != std::string::npos; at = report.find(stands))
            report.replace(at, stands.size(), std::to_string(count + more));
    return report;
}

}  // namespace

std::optional<executed> fences_in_model(fake_workspace& on, const std::string& table, sql_cursor& at)
{
    std::vector<late_number> late;
    const bool counts = at.eat("(SELECT v.table_name, v.load_seq,");
    if (!counts && !at.eat("(SELECT * FROM VALUES")) return std::nullopt;
    if (counts) {
        late = read_late(at);
        at.expect("AS report FROM VALUES");
    }
    auto rows = read_rows(at);
    if (counts) {
        at.expect("CROSS JOIN (SELECT count(*) AS n FROM");
        const auto found = count_between(on, at);
        if (found.error) return found;
        for (auto& one : rows)
            if (one.report) one.report = counted(*one.report, late, std::stoll(*found.rows.front().front()));
    }
    change sum;
    for (const auto& one : rows) {
        const auto done = one.report ? add_report(on, table, one) : on.tables.move_fence(table, one.name, one.load);
        if (done.error) return failed(*done.error);
        sum.inserted += done.inserted;
        sum.updated += done.updated;
    }
    return merge_answer(sum);
}

executed count_in_model(fake_workspace& on, sql_cursor& at)
{
    auto found = count_between(on, at);
    if (found.error) return found;
    at.expect("AND (SELECT coalesce(max(load_seq), 0) FROM");
    const std::string fences = at.full_name();
    at.expect("WHERE table_name IN (");
    const std::string table = at.text();
    at.expect(", '*')) <");
    if (on.tables.fence_of(fences, table) >= std::stoll(at.word())) found.rows = {{"0"}};
    return found;
}

}  // namespace lakeferry::test
