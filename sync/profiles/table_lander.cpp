#include "sync/profiles/table_lander.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/databricks/files.hpp"
#include "sync/profiles/closing.hpp"
#include "sync/profiles/fill_sql.hpp"
#include "sync/profiles/staging.hpp"

#include <algorithm>
#include <memory>

namespace lakeferry::profiles {

namespace {

// What travels inside a statement: the request body has a limit of its own.
constexpr std::size_t inline_part_bytes = 4U << 20;
constexpr std::size_t inline_slice_bytes = 16U << 20;

std::string padded(std::uint64_t n, std::size_t width)
{
    std::string out = std::to_string(n);
    return out.size() < width ? std::string(width - out.size(), '0') + out : out;
}

std::string hex(std::uint64_t n)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (int shift = 60; shift >= 0; shift -= 4) out.push_back(digits[(n >> shift) & 0xFU]);
    return out;
}

}  // namespace

void note_landed(run_report& report, const load& l)
{
    auto& of = report.tables[l.table];
    // Of a filling only what the table lacked is new.
    of.rows += l.fill && l.affected ? static_cast<std::uint64_t>(*l.affected) : l.rows;
    of.bytes += l.bytes;
    of.rescued += l.rescued;
    of.files += l.files.size();
    ++of.loads;
    if (const auto at = core::parse_full_timestamp(l.probe_at); at && !l.fill)
        report.oldest_us = report.oldest_us == 0 ? *at : std::min(report.oldest_us, *at);
}

std::size_t table_lander::slice_bytes(bool with_files) const noexcept
{
    if (!with_files) return inline_slice_bytes;
    return table_.kind == core::table_kind::keyed ? run_.limits.load_bytes_max / 4 : run_.limits.load_bytes_max;
}

std::string table_lander::file_stem(const load& l) const
{
    return run_.shape.at().volume_path() + "/load-" + padded(l.number, 12) + "-" + nonce_ + "-";
}

rt::awaitable<rt::outcome<void>> table_lander::land(std::vector<load> unfinished, bool stage_more)
{
    auto& report = run_.report.tables[table_.name];
    const auto failed = [&report](const rt::failure& why) {
        report.error_id = why.id;
        report.error = why.detail;
        return why;
    };
    auto shaped = co_await run_.shape.ensure_table(table_, run_.label(), run_.limit);
    if (shaped.has_error()) co_return failed(shaped.error());
    for (auto& l : unfinished) {
        auto done = co_await finish(l, false, {});
        if (done.has_error()) co_return failed(done.error());
        ++run_.report.adopted;
    }
    while (stage_more) {
        std::vector<inline_part> rows;
        auto l = co_await stage(rows);
        if (l.has_error() && l.error().id == "volume.not_found") {
            auto again = co_await volume_again();
            if (again.has_error()) co_return failed(again.error());
            rows.clear();
            l = co_await stage(rows);
        }
        if (l.has_error()) co_return failed(l.error());
        if (!l->has_value()) co_return boost::system::in_place_value;
        auto done = co_await finish(**l, true, std::move(rows));
        if (done.has_error()) co_return failed(done.error());
    }
    co_return boost::system::in_place_value;
}

// Somebody dropped the staging volume. Made again; where that is not allowed, rows travel inside the statements.
rt::awaitable<rt::outcome<void>> table_lander::volume_again()
{
    run_.with.log.warn("volume.dropped", "the staging volume " + run_.shape.at().volume_path() +
                                             " is gone; it is made again and nothing is lost",
                       {{"space", run_.space}, {"table", table_.name}});
    run_.shape.forget();
    co_return co_await run_.shape.ensure_schema(true, run_.label(), run_.limit);
}

rt::awaitable<rt::outcome<void>> table_lander::landed(load& l)
{
    note_landed(run_.report, l);
    auto journalled = co_await rt::offload_uncancellable(
        run_.with.workers, [this, &l] { return run_.journal.land(l, table_.number); });
    if (journalled.has_error()) co_return journalled.error();
    run_.owed.add(l);
    if (closing_ == nullptr) co_return boost::system::in_place_value;
    co_return co_await closing_->landed(l);
}

// Somebody dropped the volume or the file: then either the load had committed before, or its rows are staged anew.
rt::awaitable<rt::outcome<bool>> table_lander::files_are_gone(load& l, const rt::failure& why)
{
    const bool gone = why.id == "volume.not_found" || why.id == "file.not_found";
    if (!gone || l.files.empty()) co_return false;
    if (l.kind == core::table_kind::append && !l.fill) {
        auto committed = co_await run_.sender.committed(l, table_, run_.shape.at(), run_.number, run_.limit);
        if (committed.has_error()) co_return committed.error();
        if (*committed) {
            auto done = co_await landed(l);
            if (done.has_error()) co_return done.error();
            co_return true;
        }
    }
    run_.with.log.warn("load.restaged", "staged files are gone; their rows are staged again",
                       {{"space", run_.space}, {"table", table_.name}, {"load", l.number}});
    auto forgotten = co_await rt::offload_uncancellable(run_.with.workers,
                                                        [this, &l] { return run_.journal.forget(l); });
    if (forgotten.has_error()) co_return forgotten.error();
    run_.shape.forget();
    auto shaped = co_await run_.shape.ensure_schema(true, run_.label(), run_.limit);
    if (shaped.has_error()) co_return shaped.error();
    co_return true;
}

rt::awaitable<rt::outcome<void>> landing_run::may_send(std::string table)
{
    auto ours = co_await hold.confirm(label(), limit);
    if (ours.has_error()) co_return ours.error();
    if (!owed.fence_owed(table)) co_return boost::system::in_place_value;
    co_return co_await owed.move_fences(label(), limit);
}

// A keyed load that changed nothing, or does not say what it changed, was perhaps stopped by a fence that is not ours.
rt::awaitable<rt::outcome<void>> table_lander::send(load& l, bool fresh, load_sender::rows_of_part rows)
{
    auto ready = co_await run_.may_send(table_.name);
    if (ready.has_error()) co_return ready.error();
    const phase_meter::turn loading(run_.meters.load);
    const phase_meter::turn busy(run_.meters.warehouse);
    auto done = co_await run_.sender.finish(l, fresh, std::move(rows), run_.limit);
    if (done.has_error() || l.kind != core::table_kind::keyed || l.affected.value_or(0) != 0) co_return done;
    co_return co_await run_.hold.not_fenced(l, run_.label(), run_.limit);
}

rt::awaitable<rt::outcome<void>> table_lander::finish(load& l, bool fresh, std::vector<inline_part> rows)
{
    auto ready = std::make_shared<std::vector<inline_part>>(std::move(rows));
    const load_sender::rows_of_part rows_of_part =
        [this, ready, &l](std::size_t part) -> rt::awaitable<rt::outcome<std::string>> {
        return [](table_lander& self, std::shared_ptr<std::vector<inline_part>> parts, const load& of,
                  std::size_t which) -> rt::awaitable<rt::outcome<std::string>> {
            if (parts->empty()) {
                auto packed = co_await self.pack_again(of);
                if (packed.has_error()) co_return packed.error();
                *parts = std::move(*packed);
            }
            if (which >= parts->size() || parts->at(which).rows != of.parts.at(which).rows)
                co_return rt::failure{rt::retry_class::never, "outbox.damaged",
                                      "the rows of a journalled load of " + of.table + " are not what they were"};
            co_return parts->at(which).json;
        }(*this, ready, l, part);
    };
    for (bool second = false;; second = true) {
        auto done = co_await send(l, fresh, rows_of_part);
        if (done.has_value()) co_return co_await landed(l);
        auto handled = co_await files_are_gone(l, done.error());
        if (handled.has_error()) co_return handled.error();
        if (*handled) co_return boost::system::in_place_value;
        const auto& id = done.error().id;
        const bool shape_was_wrong =
            id == "table.not_found" || id == "schema.not_found" || id == "column.not_found" || id == "statement.mismatch";
        if (!shape_was_wrong && closing_ != nullptr && closing_->goes_alone(l, done.error())) continue;
        if (second || !shape_was_wrong) co_return done.error();
        run_.with.log.warn("table.changed", "somebody changed or dropped what was there; it is made again: " +
                                                done.error().detail,
                           {{"space", run_.space}, {"table", table_.name}});
        run_.shape.forget();
        auto schema = co_await run_.shape.ensure_schema(!l.files.empty(), run_.label(), run_.limit);
        if (schema.has_error()) co_return schema.error();
        auto shaped = co_await run_.shape.ensure_table(table_, run_.label(), run_.limit);
        if (shaped.has_error()) co_return shaped.error();
    }
}

// One pattern for all files of the load: they differ in their last number only.
std::string table_lander::path_of(const load& l) const
{
    return l.files.size() > 1 ? file_stem(l) + "*" + std::string(file_ending) : l.files.front();
}

rt::awaitable<rt::outcome<void>> table_lander::upload(load& l, staged_file file)
{
    l.files.push_back(file_stem(l) + padded(l.files.size() + 1, 4) + std::string(file_ending));
    co_return co_await databricks::put_file(run_.with.door, l.files.back(), std::move(file.parquet), run_.limit);
}

// False: there was nothing to upload.
rt::awaitable<rt::outcome<bool>> table_lander::upload_append(load& l, slice_facts& facts)
{
    append_stager stager(
        slice_reader(run_.with.store, run_.space_number, table_, run_.frozen, slice_bytes(true)),
        run_.limits.staged_file_bytes);
    for (;;) {
        auto file = co_await rt::offload_uncancellable(run_.with.workers, [&stager] { return stager.next(); });
        if (file.has_error()) co_return file.error();
        if (!file->has_value()) break;
        auto sent = co_await upload(l, std::move(**file));
        if (sent.has_error()) co_return sent.error();
    }
    facts = stager.facts();
    l.rows = facts.rows;
    co_return facts.rows > 0;
}

rt::awaitable<rt::outcome<bool>> table_lander::upload_keyed(load& l, slice_facts& facts)
{
    slice_reader reader(run_.with.store, run_.space_number, table_, run_.frozen, slice_bytes(true));
    auto folded = co_await rt::offload_uncancellable(run_.with.workers, [&reader] { return fold(std::move(reader)); });
    if (folded.has_error()) co_return folded.error();
    facts = folded->facts;
    l.rows = folded->rows.size();
    auto files = co_await rt::offload_uncancellable(run_.with.workers, [this, &folded] {
        return stage_folded(*folded, table_, run_.limits.staged_file_bytes);
    });
    if (files.has_error()) co_return files.error();
    for (auto& file : *files) {
        auto sent = co_await upload(l, std::move(file));
        if (sent.has_error()) co_return sent.error();
    }
    co_return l.rows > 0;
}

rt::awaitable<rt::outcome<std::vector<inline_part>>> table_lander::pack(load& l, slice_facts& facts)
{
    slice_reader reader(run_.with.store, run_.space_number, table_, run_.frozen, slice_bytes(false));
    auto packed = co_await rt::offload_uncancellable(run_.with.workers, [this, &reader, &facts] {
        return pack_slice(std::move(reader), table_, inline_part_bytes, facts);
    });
    if (packed.has_error()) co_return packed.error();
    l.rows = packed->empty() ? 0 : packed->back().first_row + packed->back().rows;
    if (table_.kind == core::table_kind::append && !packed->empty()) {
        auto low = co_await rt::offload_uncancellable(run_.with.workers, [this, &facts] {
            return smallest(slice_reader::again(run_.with.store, run_.space_number, table_, facts.first_batch, facts.last_batch),
                            since_column(table_));
        });
        if (low.has_error()) co_return low.error();
        facts.low = std::move(*low);
    }
    co_return std::move(*packed);
}

rt::awaitable<rt::outcome<std::vector<inline_part>>> table_lander::pack_again(const load& l)
{
    auto reader = slice_reader::again(run_.with.store, run_.space_number, table_, l.first_batch, l.last_batch);
    slice_facts facts;
    co_return co_await rt::offload_uncancellable(run_.with.workers, [this, &reader, &facts] {
        return pack_slice(std::move(reader), table_, inline_part_bytes, facts);
    });
}

void table_lander::write_parts(load& l, const slice_facts& facts, const std::vector<inline_part>& rows)
{
    const auto& at = run_.shape.at();
    const auto label = run_.label(l.number);
    const bool keyed = table_.kind == core::table_kind::keyed;
    if (l.files.empty()) {
        for (const auto& part : rows) {
            std::string sql = fill_ ? merge_missing(at, table_, {}, label)
                              : keyed ? merge_keyed(at, table_, {"", facts.low, facts.high}, label)
                                    : merge_rows(at, table_, {facts.low, {}}, label);
            l.parts.push_back({std::move(sql), part.first_row, part.rows});
        }
        return;
    }
    const std::string root = at.volume_path() + "/";
    const std::string path = path_of(l);
    if (fill_) {
        l.parts.push_back({merge_missing(at, table_, path, label), 0, l.rows});
        return;
    }
    if (keyed) {
        l.parts.push_back({merge_keyed(at, table_, {path, facts.low, facts.high}, label), 0, l.rows});
        return;
    }
    std::vector<std::string> names;
    for (const auto& f : l.files) names.push_back(f.substr(root.size()));
    l.parts.push_back({copy_into(at, table_, at.volume_path(), names, label), 0, l.rows});
}

rt::awaitable<rt::outcome<std::optional<load>>> table_lander::stage(std::vector<inline_part>& rows)
{
    const phase_meter::turn staging(run_.meters.stage);
    auto memory = co_await run_.with.staging.acquire(run_.with.time, run_.limit);
    if (!memory) co_return rt::failure{rt::retry_class::transient, "stage.no_memory",
                                       "no room to stage in before the run's deadline"};
    load l;
    l.number = ++run_.last_load;
    // File names are never reused, COPY INTO remembers them: the random part keeps apart what was uploaded before a
    // crash under a number that was not journalled yet.
    nonce_ = hex(run_.with.rng());
    l.table = table_.name;
    l.kind = table_.kind;
    l.fill = fill_;
    l.target = run_.shape.at().table(table_.name);
    slice_facts facts;
    if (run_.shape.volume_usable()) {
        auto any = table_.kind == core::table_kind::keyed ? co_await upload_keyed(l, facts)
                                                          : co_await upload_append(l, facts);
        if (any.has_error() && any.error().id == "permission.missing") {
            run_.shape.give_up_volume(any.error().detail);
            l.files.clear();
        } else if (any.has_error()) {
            co_return any.error();
        } else if (!*any) {
            co_return std::optional<load>();
        }
    }
    if (l.files.empty()) {
        auto packed = co_await pack(l, facts);
        if (packed.has_error()) co_return packed.error();
        if (packed->empty()) co_return std::optional<load>();
        rows = std::move(*packed);
    }
    l.first_batch = facts.first_batch;
    l.last_batch = facts.last_batch;
    l.rescued = facts.rescued;
    l.bytes = facts.bytes;
    l.probe_key = facts.probe_key;
    l.probe_at = facts.probe_at;
    write_parts(l, facts, rows);
    if (closing_ != nullptr && !l.files.empty()) {
        auto joined = co_await closing_->join(l, table_, path_of(l));
        if (joined.has_error()) co_return joined.error();
    }
    auto saved = co_await rt::offload_uncancellable(
        run_.with.workers, [this, &l] { return run_.journal.save(l, store::durable::yes); });
    if (saved.has_error()) co_return saved.error();
    co_return std::optional<load>(std::move(l));
}

}  // namespace lakeferry::profiles
