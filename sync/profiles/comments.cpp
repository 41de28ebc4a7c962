#include "sync/profiles/comments.hpp"

#include "sync/databricks/catalog.hpp"
#include "sync/databricks/sql.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/retype_sql.hpp"

namespace lakeferry::profiles {

namespace {

// The statements that put in what is missing now: somebody may have written comments since the schema was read.
rt::awaitable<rt::outcome<std::vector<std::string>>> statements_for(landing_run& run, const core::table& wanted)
{
    const auto& at = run.shape.at();
    auto found = co_await databricks::get_table(run.with.door, at.catalog, at.schema, wanted.name, run.limit);
    if (found.has_error()) co_return found.error();
    std::vector<std::string> texts;
    if (!found->has_value()) co_return texts;
    if (!wanted.comment.empty() && (**found).comment.empty())
        texts.push_back(comment_on_table(at, wanted.name, wanted.comment, run.label()));
    for (const auto& there : (**found).columns) {
        const auto* column = there.comment.empty() ? wanted.find(there.name) : nullptr;
        if (column != nullptr && !column->comment.empty())
            texts.push_back(comment_on_column(at, wanted.name, there.name, column->comment, run.label()));
    }
    co_return texts;
}

rt::awaitable<rt::outcome<void>> send_all(landing_run& run, std::vector<std::string> texts,
                                          const std::string& warehouse_id)
{
    for (auto& text : texts) {
        databricks::statement what;
        what.text = std::move(text);
        what.warehouse_id = warehouse_id;
        ++run.more_statements;
        auto done = co_await run.with.statements.run(std::move(what), run.limit, 2);
        if (done.has_error()) co_return done.error();
    }
    co_return boost::system::in_place_value;
}

}  // namespace

std::string comment_on_table(const place& at, std::string_view table, std::string_view comment,
                             const statement_label& label)
{
    return load_header(label, table) + "COMMENT ON TABLE " + at.table(table) + " IS " +
           databricks::quote_string(comment);
}

rt::awaitable<void> add_missing_comments(landing_run& run, const pending_work& work, const std::string& warehouse_id)
{
    std::uint64_t sent = 0;
    for (const auto& [name, landed] : run.report.tables) {
        if (sent >= comments_a_run) co_return;
        const auto wanted = work.tables.find(name);
        if (landed.loads == 0 || !landed.error_id.empty() || wanted == work.tables.end()) continue;
        if (!run.shape.take_bare(name)) continue;
        auto texts = co_await statements_for(run, wanted->second);
        rt::outcome<void> done = boost::system::in_place_value;
        if (texts.has_error()) done = texts.error();
        else if (!texts->empty()) {
            sent += texts->size();
            done = co_await send_all(run, std::move(*texts), warehouse_id);
        }
        if (done.has_error())
            run.with.log.warn("comment.not_set",
                              "comments of a table that was there before could not be added; nothing depends on them: " +
                                  done.error().detail,
                              {{"space", run.space}, {"table", name}, {"id", done.error().id}});
    }
}

}  // namespace lakeferry::profiles
