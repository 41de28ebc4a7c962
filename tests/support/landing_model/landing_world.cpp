#include "tests/support/landing_model/landing_world.hpp"

#include "net/rt/deadline.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/space_state.hpp"
#include "tests/support/landing_model/landing_model.hpp"
#include "tests/support/landing_model/secret_file.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace lakeferry::test {

namespace {

fake_databricks::fake_settings settings() { return {}; }

std::unique_ptr<store::store> open_store(fake_disk& disk)
{
    store::store_options options;
    options.directory = "/state";
    options.env = disk.env();
    auto opened = store::store::open(options);
    rt::check(opened.has_value(), "the store opens again after every crash");
    return std::move(*opened);
}

rt::outcome<std::vector<core::table>> tables_in(store::store& in)
{
    std::vector<core::table> out;
    const std::string from = core::key32(landing_world::space) + "t";
    auto scanned = in.scan(store::family::schema, from, core::prefix_end(from),
                           [&](std::string_view, std::string_view value) {
                               out.push_back(core::decode_table(value).value());
                               return true;
                           });
    if (scanned.has_error()) return scanned.error();
    return out;
}

}  // namespace

core::table tracks_table()
{
    return {.name = "tracks",
            .columns = {{"id"}, {"received_at", core::column_type::timestamp}, {"n", core::column_type::bigint}},
            .number = 8};
}

core::table traits_table()
{
    return {.name = "user_traits",
            .kind = core::table_kind::keyed,
            .columns = {{"canonical_segment_id"}, {"name"}, {"value"}, {"seq", core::column_type::bigint}},
            .key = {"canonical_segment_id", "name"},
            .number = 4};
}

landing_process::landing_process(const parts& from)
    : store(open_store(from.disk)),
      refreshes(from.w.executor(), nullptr),
      staging(from.w.executor(), 3),
      of_space(from.w.executor(), 4),
      caps(from.w.executor(), 8),
      warehouses(from.w.executor(), from.w.time, from.w.log),
      tokens(from.w.executor(),
             {from.w.time, from.w.wall, from.client, from.credentials, refreshes, from.w.rng, from.w.log},
             {from.host, settings().client_id, {auth::credential_ref::kind::file, from.secret_file}, "acme"}),
      door({from.w.time, from.w.wall, from.client, tokens, from.w.rng, from.w.log}, from.host, "acme"),
      statements(door, caps, of_space)
{
    const profiles::sync_parts with{from.w.time, from.w.wall, from.w.rng,  from.w.log, from.w.executor(), from.w.executor(),
                                    *store,      door,        statements, warehouses, staging,
                                    [this] { return tables_in(*store); },
                                    [](std::function<rt::outcome<void>()> work) -> rt::awaitable<rt::outcome<void>> {
                                        co_return work();
                                    },
                                    from.on_host};
    sync = std::make_unique<profiles::space_sync>(with, from.config, from.limits, landing_world::space);
}

landing_world::landing_world(std::uint64_t seed)
    : world(seed),
      client(time),
      peers(executor(), nullptr),
      workspace(time, wall, peers, rng, settings()),
      secret_file_(write_secret_file())
{
    config.id = "acme";
    config.databricks.workspace_url = "https://dbc-1.test";
    config.databricks.warehouse_id = "w1";
    config.databricks.catalog = "main";
    config.profiles_sync.schema = "acme";
    fake_databricks::fake_warehouse warehouse;
    warehouse.id = "w1";
    workspace.add_warehouse(warehouse);
    client.serve(host_, workspace);
    auto model = landing_executor(workspace);
    workspace.execute_with([this, model](const fake_databricks::statement_call& call) {
        texts.push_back(call.what.text);
        return model(call);
    });
}

landing_world::~landing_world()
{
    stop();
    peers.cancel();
    run(peers.join());
    ::unlink(secret_file_.c_str());
}

landing_process& landing_world::process()
{
    if (!process_)
        process_ = std::make_unique<landing_process>(landing_process::parts{
            *this, disk, client, credentials_, secret_file_, host_, std::make_shared<core::space_config>(config), limits});
    return *process_;
}

std::unique_ptr<landing_process> landing_world::another(fake_disk& its_disk, std::string its_host)
{
    return std::make_unique<landing_process>(landing_process::parts{*this, its_disk, client, credentials_, secret_file_, host_,
                                                                    std::make_shared<core::space_config>(config), limits,
                                                                    std::move(its_host)});
}

void landing_world::end(std::unique_ptr<landing_process> other)
{
    other->refreshes.cancel();
    run(other->refreshes.join());
}

profiles::run_report landing_world::sync(landing_process& of)
{
    auto report = get(of.sync->run("manual"));
    rt::check(report.has_value(), "the store works");
    return std::move(*report);
}

void landing_world::stop()
{
    if (!process_) return;
    process_->refreshes.cancel();
    run(process_->refreshes.join());
    process_.reset();
}

void landing_world::crash()
{
    disk.crash(rng());
    stop();
}

profiles::run_report landing_world::sync() { return sync(process()); }

void landing_world::run_and_crash(rt::duration after)
{
    auto& p = process();
    run([](landing_world& w, landing_process& of, rt::duration limit) -> rt::awaitable<void> {
        auto ended = co_await rt::with_deadline(w.time, rt::deadline::in(w.time, limit), of.sync->run("manual"));
        (void)ended;  // cut short, or it was done before
    }(*this, p, after));
    crash();
}

namespace {

void write_number(landing_process& of, const char* name, std::uint64_t number)
{
    std::string counter;
    core::append_be64(counter, number);
    store::batch changes;
    changes.put(store::family::meta, core::space_meta_key(landing_world::space, name), counter);
    rt::check(of.store->write(std::move(changes), store::durable::yes).has_value(), "the store takes it");
}

}  // namespace

void landing_world::put(landing_process& of, std::uint64_t batch, const core::table& t,
                        const std::vector<std::string>& lines, std::uint64_t seq)
{
    std::string all;
    for (const auto& l : lines) all += l + "\n";
    store::batch changes;
    changes.put(store::family::schema, core::key32(space) + "t" + t.name, core::encode_table(t));
    if (!lines.empty())
        changes.put(store::family::outbox, core::outbox_key(space, t.number, batch),
                    core::encode_outbox_block({.rows = static_cast<std::uint32_t>(lines.size()), .lines = std::move(all)}));
    rt::check(of.store->write(std::move(changes), store::durable::yes).has_value(), "the store takes it");
    if (seq != 0) write_number(of, "seq", seq);
    write_number(of, "batch", batch);
}

void landing_world::put_append(std::uint64_t batch, const core::table& t, const std::vector<std::string>& lines)
{
    put(process(), batch, t, lines);
}

void landing_world::commit_batch(std::uint64_t batch, std::uint64_t seq)
{
    if (seq != 0) write_number(process(), "seq", seq);
    write_number(process(), "batch", batch);
}

std::vector<std::string> landing_world::landed(const std::string& table) const
{
    return workspace.tables.dump("main.acme." + table);
}

std::size_t landing_world::rows_in(const std::string& table) const
{
    const auto* found = workspace.tables.find("main.acme." + table);
    return found == nullptr ? 0 : found->rows.size();
}

std::size_t landing_world::statements_with(std::string_view part) const
{
    return static_cast<std::size_t>(
        std::count_if(texts.begin(), texts.end(), [&](const auto& t) { return t.find(part) != std::string::npos; }));
}

}  // namespace lakeferry::test
