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

// replace(replace(v.report, 'x', CAST(lakeferry_rows + 1 AS STRING)), …)
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

std::string with_count(std::string report, const std::vector<late_number>& late, std::int64_t count)
{
    for (const auto& [stands, more] : late)
        for (auto at = report.find(stands); at != std::string::npos; at = report.find(stands))
            report.replace(at, stands.size(), std::to_string(count + more));
    return report;
}

}  // namespace

std::optional<executed> fences_in_model(fake_workspace& on, const std::string& table, sql_cursor& at,
                                        std::int64_t counted)
{
    std::vector<late_number> late;
    const bool counts = at.eat("(SELECT v.table_name, v.load_seq,");
    if (!counts && !at.eat("(SELECT * FROM VALUES")) return std::nullopt;
    if (counts) {
        late = read_late(at);
        at.expect("AS report FROM VALUES");
    }
    auto rows = read_rows(at);
    for (auto& one : rows)
        if (one.report) one.report = with_count(*one.report, late, counted);
    change sum;
    for (const auto& one : rows) {
        const auto done = one.report ? add_report(on, table, one) : on.tables.move_fence(table, one.name, one.load);
        if (done.error) return failed(*done.error);
        sum.inserted += done.inserted;
        sum.updated += done.updated;
    }
    return merge_answer(sum);
}

}  // namespace lakeferry::test
