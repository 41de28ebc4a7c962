#include "sync/profiles/job_runner.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/row.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/identity/retype.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/profiles/fill_sql.hpp"
#include "sync/profiles/retype_sql.hpp"
#include "sync/profiles/wide_traits.hpp"

#include <algorithm>
#include <limits>

namespace lakeferry::profiles {

namespace {

// A step of a filling holds resolution up for so long as these take.
constexpr std::size_t profiles_a_step = 2'000;

bool keyed(std::string_view table)
{
    return table == "user_traits" || table == "user_identifiers" || table == "profile_merges";
}

// Tables that a change of type concerns: the wide one follows its log.
std::vector<std::string> tables_of(const table_job& job)
{
    auto all = job.tables;
    if (job.kind == job_kind::retype && !all.empty() && all.front() == traits_log) all.emplace_back(wide_table);
    return all;
}

std::vector<landed_column> columns_of(const databricks::table_info& t)
{
    std::vector<landed_column> all;
    for (const auto& c : t.columns) {
        std::string type = c.type_text;
        std::transform(type.begin(), type.end(), type.begin(),
                       [](char ch) { return ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch; });
        all.push_back({c.name, type, c.comment});
    }
    return all;
}

std::uint64_t cell_number(const databricks::statement_result& r, std::string_view column)
{
    for (std::size_t i = 0; i < r.columns.size() && !r.rows.empty() && i < r.rows.front().size(); ++i)
        if (r.columns[i].name == column && r.rows.front()[i]) return std::strtoull(r.rows.front()[i]->c_str(), nullptr, 10);
    return 0;
}

}  // namespace

job_runner::job_runner(sync_parts& with, const core::space_config& config, std::uint32_t space)
    : with_(with), config_(config), space_(space), chosen_(config.profiles_sync.select)
{
}

bool job_runner::blocks(const std::string& table) const
{
    return std::any_of(open_.begin(), open_.end(), [&](const table_job& j) {
        const auto names = tables_of(j);
        return j.kind == job_kind::retype && j.step == job_step::converting &&
               std::find(names.begin(), names.end(), table) != names.end();
    });
}

rt::awaitable<rt::outcome<void>> job_runner::save(table_job& job)
{
    co_return co_await rt::offload_uncancellable(with_.workers, [this, &job] { return save_job(with_.store, space_, job); });
}

rt::awaitable<rt::outcome<void>> job_runner::end(table_job& job, job_step how, const rt::failure& why)
{
    job.step = how;
    job.ended_us = with_.wall.now_us();
    job.error_id = why.id;
    job.error = why.detail;
    with_.log.write(how == job_step::done ? obs::level::info : obs::level::error, "job.ended",
                    how == job_step::done ? "a job on tables is done" : why.detail,
                    {{"space", config_.id}, {"job", job.number}, {"kind", to_string(job.kind)}, {"step", to_string(how)}});
    co_return co_await save(job);
}

// All of them may be sent again: they change nothing on their own result.
rt::awaitable<rt::outcome<databricks::statement_result>> job_runner::send(landing_run& run, std::string text)
{
    co_return co_await with_.statements.run(statement(run, std::move(text)), run.limit);
}

databricks::statement job_runner::statement(landing_run& run, std::string text) const
{
    databricks::statement what;
    what.text = std::move(text);
    what.warehouse_id = config_.databricks.warehouse_id;
    ++run.more_statements;
    return what;
}

rt::awaitable<rt::outcome<void>> job_runner::prepare()
{
    auto all = co_await rt::offload_uncancellable(with_.workers, [this] { return all_jobs(with_.store, space_); });
    if (all.has_error()) co_return all.error();
    open_.clear();
    for (auto& job : *all)
        if (job.open()) open_.push_back(std::move(job));
    for (auto& job : open_) {
        if (job.kind != job_kind::backfill || job.step != job_step::asked) continue;
        auto written = co_await write_rows(job);
        if (written.has_value()) continue;
        job.error_id = written.error().id;
        job.error = written.error().detail;
        auto saved = co_await save(job);
        if (saved.has_error()) co_return saved.error();
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> job_runner::write_rows(table_job& job)
{
    if (!with_.while_not_resolving)
        co_return rt::failure{rt::retry_class::never, "jobs.no_resolver", "this space resolves nothing"};
    identity::backfill_request what{space_, config_.id, {job.tables.begin(), job.tables.end()}, chosen_};
    what.tables.erase(std::string(wide_table));  // made in the warehouse, of its logs
    if (what.tables.empty()) job.fill.finished = true;
    while (!job.fill.finished) {
        table_job next = job;
        const std::function<rt::outcome<void>()> step = [this, &what, &next]() -> rt::outcome<void> {
            const auto record = [this, &next](store::batch& to, const identity::backfill_progress& now) {
                next.fill = now;
                put_job(to, space_, next);
            };
            auto stepped = identity::backfill_step(with_.store, what, next.fill, with_.wall, profiles_a_step, record);
            return stepped.has_error() ? rt::outcome<void>(stepped.error()) : rt::outcome<void>();
        };
        auto done = co_await with_.while_not_resolving(step);
        if (done.has_error()) co_return done.error();
        job = std::move(next);
    }
    job.step = job_step::landing;
    job.error_id.clear();
    job.error.clear();
    co_return co_await save(job);
}

// Loads that are under way, files that are still there (a late COPY could find them), and (waiting_too) rows that wait.
rt::awaitable<rt::outcome<bool>> job_runner::unsettled(landing_run& run, const std::string& table, bool waiting_too)
{
    co_return co_await rt::offload_uncancellable(with_.workers, [this, &run, table, waiting_too]() -> rt::outcome<bool> {
        auto loads = run.journal.all();
        if (loads.has_error()) return loads.error();
        if (std::any_of(loads->begin(), loads->end(), [&](const load& l) { return l.table == table; })) return true;
        if (!waiting_too) return false;
        auto tables = with_.tables();
        if (tables.has_error()) return tables.error();
        for (const auto& t : *tables) {
            if (t.name != table) continue;
            for (const std::uint32_t number : {t.number, t.number | core::fill_lane}) {
                bool any = false;
                auto scanned = with_.store.scan(store::family::outbox, core::outbox_key(space_, number, 0),
                                                core::outbox_key(space_, number, run.frozen + 1),
                                                [&](std::string_view, std::string_view) {
                                                    any = true;
                                                    return false;
                                                });
                if (scanned.has_error()) return scanned.error();
                if (any) return true;
            }
        }
        return false;
    });
}

rt::awaitable<rt::outcome<void>> job_runner::finish_backfill(landing_run& run, const pending_work& work, table_job& job)
{
    if (job.step != job_step::landing) co_return boost::system::in_place_value;
    if (job.fill.last_batch > run.frozen) co_return boost::system::in_place_value;  // the next run sees them
    for (const auto& table : job.tables) {
        auto waits = co_await unsettled(run, table, table != wide_table);
        if (waits.has_error()) co_return waits.error();
        if (*waits) co_return boost::system::in_place_value;
    }
    for (const auto& table : job.tables) {
        if (table == wide_table) {
            auto anew = co_await rt::offload_uncancellable(with_.workers, [this] { return reset_wide_progress(with_.store, space_); });
            if (anew.has_error()) co_return anew.error();
            job.notes.emplace_back("profile_traits: the next run makes it anew of its logs");
            continue;
        }
        const auto known = work.tables.find(table);
        if (!keyed(table) || known == work.tables.end() || !run.shape.has_table(table)) continue;
        auto swept = co_await send(run, sweep_stale(run.shape.at(), known->second, job.fill.first_seq, run.label()));
        if (swept.has_error()) co_return swept.error();
        if (swept->counts.affected && *swept->counts.affected > 0)
            job.notes.push_back(table + ": " + std::to_string(*swept->counts.affected) + " rows of keys that are no more were removed");
    }
    co_return co_await end(job, job_step::done);
}

// Nothing has changed yet: would something be lost, or is something in the way?
rt::awaitable<rt::outcome<void>> job_runner::check_retype(landing_run& run, table_job& job)
{
    const std::string name = job.tables.front();
    auto known = co_await rt::offload_uncancellable(
        with_.workers, [&] { return identity::retypable_column(with_.store, space_, name, job.column); });
    if (known.has_error()) co_return known.error();
    auto landed = co_await databricks::get_table(with_.door, run.shape.at().catalog, run.shape.at().schema, name, run.limit);
    if (landed.has_error()) co_return landed.error();
    const auto* column = landed->has_value() ? (**landed).find(job.column) : nullptr;
    if (column == nullptr) co_return boost::system::in_place_value;  // it has not landed yet
    for (const auto& c : columns_of(**landed)) {
        if (c.name != column->name) continue;
        auto counted = co_await with_.statements.read(
            statement(run, retype_check(run.shape.at(), name, c, job.to, run.label())), run.limit);
        if (counted.has_error()) co_return counted.error();
        job.rescued = cell_number(*counted, "lost");
        job.taken_back = cell_number(*counted, "back");
    }
    if (job.rescued == 0 || job.rescue) co_return boost::system::in_place_value;
    co_return rt::failure{rt::retry_class::never, "retype.lossy",
                          std::to_string(job.rescued) + " values of " + name + "." + job.column + " do not fit " +
                              core::sql_name(job.to) + "; nothing was changed. With --rescue they move into _rescued_data, "
                                                        "where nothing of them is lost"};
}

rt::awaitable<rt::outcome<void>> job_runner::convert(landing_run& run, const core::table& t, const table_job& job)
{
    auto landed = co_await databricks::get_table(with_.door, run.shape.at().catalog, run.shape.at().schema, t.name, run.limit);
    if (landed.has_error()) co_return landed.error();
    if (!landed->has_value() || (**landed).find(job.column) == nullptr) co_return boost::system::in_place_value;
    auto columns = columns_of(**landed);
    const bool rescues = std::any_of(columns.begin(), columns.end(),
                                     [](const landed_column& c) { return c.name == core::rescued_column; });
    if (!rescues) columns.push_back({std::string(core::rescued_column), "string", {}});
    if (!rescues) {
        const core::column missing{std::string(core::rescued_column), core::column_type::string, {}};
        auto added = co_await send(run, add_columns(run.shape.at(), t.name, {&missing, 1}, run.label()));
        if (added.has_error() && added.error().id != "column.exists") co_return added.error();
    }
    auto done = co_await send(run, retype_table(run.shape.at(), t, columns, job.column, job.to, run.label()));
    if (done.has_error()) co_return done.error();
    run.shape.forget();
    co_return co_await restore_comments(run, t);
}

// A column that is computed carries no comment into the new table.
rt::awaitable<rt::outcome<void>> job_runner::restore_comments(landing_run& run, const core::table& t)
{
    auto now = co_await databricks::get_table(with_.door, run.shape.at().catalog, run.shape.at().schema, t.name, run.limit);
    if (now.has_error()) co_return now.error();
    if (!now->has_value()) co_return boost::system::in_place_value;
    for (const auto& c : (**now).columns) {
        const auto* wanted = t.find(c.name);
        if (wanted == nullptr || wanted->comment.empty() || !c.comment.empty()) continue;
        auto put = co_await send(run, comment_on_column(run.shape.at(), t.name, c.name, wanted->comment, run.label()));
        if (put.has_error()) co_return put.error();
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> job_runner::retype(landing_run& run, const pending_work& work, table_job& job)
{
    const std::string name = job.tables.front();
    if (job.step == job_step::asked) {
        // What is under way was made for the old type, and a late COPY must not find its file in a table that has forgotten it.
        for (const auto& table : tables_of(job)) {
            auto waits = co_await unsettled(run, table, false);
            if (waits.has_error()) co_return waits.error();
            if (*waits)
                co_return rt::failure{rt::retry_class::transient, "retype.loads_first",
                                      "loads of " + table + " are not finished; the change of type waits for them"};
        }
        auto checked = co_await check_retype(run, job);
        if (checked.has_error() && checked.error().retry == rt::retry_class::never && !checked.error().id.starts_with("store."))
            co_return co_await end(job, job_step::failed, checked.error());
        if (checked.has_error()) co_return checked.error();
        // From here on it only goes forward: the rows first, then the table.
        job.step = job_step::converting;
        const std::function<rt::outcome<void>()> change = [this, &job, &name]() -> rt::outcome<void> {
            if (auto noted = save_job(with_.store, space_, job); noted.has_error()) return noted.error();
            return identity::change_column_type(with_.store, space_, name, job.column, job.to);
        };
        auto changed = co_await with_.while_not_resolving(change);
        if (changed.has_error()) co_return changed.error();
    }
    // Repeated after a crash: all of it changes nothing more the second time.
    const std::function<rt::outcome<void>()> rewrite = [this, &job, &name]() -> rt::outcome<void> {
        if (auto typed = identity::change_column_type(with_.store, space_, name, job.column, job.to); typed.has_error())
            return typed.error();
        auto rows = identity::rewrite_waiting_rows(with_.store, space_, name, job.column);
        return rows.has_error() ? rt::outcome<void>(rows.error()) : rt::outcome<void>();
    };
    auto rewritten = co_await with_.while_not_resolving(rewrite);
    if (rewritten.has_error()) co_return rewritten.error();
    for (const auto& table : tables_of(job)) {
        const auto known = work.tables.find(table);
        if (known == work.tables.end()) continue;
        auto converted = co_await convert(run, known->second, job);
        if (converted.has_error()) co_return converted.error();
    }
    co_return co_await end(job, job_step::done);
}

rt::awaitable<void> job_runner::carry_out(landing_run& run, const pending_work& work)
{
    for (auto& job : open_) {
        if (!job.open()) continue;
        ++job.attempts;
        rt::outcome<void> done = boost::system::in_place_value;
        switch (job.kind) {
            case job_kind::backfill: done = co_await finish_backfill(run, work, job); break;
            case job_kind::retype: done = co_await retype(run, work, job); break;
            case job_kind::optimize: {
                auto cared = co_await optimize_by_hand(run, work, job.tables, config_.databricks.warehouse_id);
                job.notes = std::move(cared.notes);
                if (cared.failed.empty()) {
                    done = co_await end(job, job_step::done);
                    break;
                }
                const std::string why = "not every table was optimized: " + cared.failed.front();
                done = co_await end(job, job_step::failed, {.id = "optimize.failed", .detail = why});
                break;
            }
        }
        if (done.has_value()) continue;
        job.error_id = done.error().id;
        job.error = done.error().detail;
        with_.log.warn("job.waits", "a job on tables could not be carried out; the next run tries again: " + job.error,
                       {{"space", config_.id}, {"job", job.number}, {"kind", to_string(job.kind)}, {"id", job.error_id}});
        if (job.error_id != "retype.loads_first") {
            auto& of_table = run.report.tables[job.tables.front()];
            of_table.error_id = job.error_id;
            of_table.error = std::string(to_string(job.kind)) + ": " + job.error;
        }
        auto saved = co_await save(job);
        (void)saved;  // it is carried out again, with the same outcome
    }
    std::erase_if(open_, [](const table_job& j) { return !j.open(); });
}

}  // namespace lakeferry::profiles
