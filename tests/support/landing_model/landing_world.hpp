// One space's landing in the test world: the real store on a disk that forgets, the real Databricks clients, a
// scripted workspace with the landing model. The daemon's part can crash and come back; the workspace stays.
#pragma once

#include "auth/credential_store.hpp"
#include "auth/token_source.hpp"
#include "net/rt/limiter.hpp"
#include "net/rt/task_group.hpp"
#include "sync/core/table.hpp"
#include "sync/databricks/rest.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/databricks/warehouses.hpp"
#include "sync/profiles/space_sync.hpp"
#include "tests/support/fake_databricks/direct_client.hpp"
#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/fake_disk/fake_disk.hpp"
#include "tests/support/world/world.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lakeferry::test {

// What lives in the process and dies with it.
struct landing_process {
    std::unique_ptr<store::store> store{};
    rt::task_group refreshes;
    rt::limiter staging;
    rt::limiter of_space;
    databricks::statement_limits caps;
    databricks::warehouse_registry warehouses;
    auth::oauth_token_source tokens;
    databricks::workspace door;
    databricks::statements statements;
    std::unique_ptr<profiles::space_sync> sync{};

    struct parts {
        world& w;
        fake_disk& disk;
        http::client& client;
        const auth::credential_store& credentials;
        const std::string& secret_file;
        const http::origin& host;
        std::shared_ptr<const core::space_config> config;
        const core::limits& limits;
        std::string on_host{"h1"};
    };
    explicit landing_process(const parts& from);
};

class landing_world : public world {
public:
    explicit landing_world(std::uint64_t seed = 1);
    ~landing_world();

    static constexpr std::uint32_t space = 1;
    fake_disk disk{};
    fake_databricks::direct_client client;
    rt::task_group peers;
    fake_databricks::fake_workspace workspace;
    core::limits limits{};
    core::space_config config{};

    // The process: made at first use, ended by crash() or stop().
    landing_process& process();
    // The process is gone from one moment to the next, and with it what was not synced.
    void crash();
    // Cancels what runs and closes the store.
    void stop();
    // Another daemon with the same settings: on another machine, with a state directory of its own. End it with end().
    std::unique_ptr<landing_process> another(fake_disk& its_disk, std::string its_host);
    void end(std::unique_ptr<landing_process> other);
    profiles::run_report sync(landing_process& of);

    profiles::run_report sync();
    // Begins a run and stops it after `after` of virtual time, as a crash would.
    void run_and_crash(rt::duration after);

    // Rows on their way: puts a resolved batch into the outbox, as identity resolution does.
    void put_append(std::uint64_t batch, const core::table& t, const std::vector<std::string>& lines);
    // seq: of the last row of an update table in the batch.
    void commit_batch(std::uint64_t batch, std::uint64_t seq = 0);
    void put(landing_process& of, std::uint64_t batch, const core::table& t, const std::vector<std::string>& lines,
             std::uint64_t seq = 0);
    // Sorted rows of a landed table, `without` some columns.
    std::vector<std::string> landed(const std::string& table) const;
    std::size_t rows_in(const std::string& table) const;
    // How often statements whose text has this part were accepted.
    std::size_t statements_with(std::string_view part) const;

    std::vector<std::string> texts{};  // of all executed statements

private:
    std::string secret_file_;
    auth::credential_store credentials_{""};
    http::origin host_{"https", "dbc-1.test", "443"};
    std::unique_ptr<landing_process> process_{};
};

core::table tracks_table();
core::table traits_table();

}  // namespace lakeferry::test
