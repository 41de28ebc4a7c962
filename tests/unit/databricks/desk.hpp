// A scripted workspace, a principal, and the door between them on virtual time.
#pragma once

#include "auth/token_source.hpp"
#include "sync/databricks/rest.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/databricks/warehouses.hpp"
#include "tests/support/fake_databricks/direct_client.hpp"
#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

namespace lakeferry::databricks::test {

using namespace std::chrono_literals;
using fake_databricks::fault;
using fake_databricks::fault_kind;
using fake_databricks::statement_fault;
using fake_databricks::statement_fault_kind;
using rt::awaitable;
using rt::deadline;
using rt::outcome;
using rt::retry_class;

inline const http::origin host{"https", "dbc-1.test", "443"};

// One space: its own tokens, door and caps.
struct space_desk {
    auth::oauth_token_source tokens;
    workspace door;
    rt::limiter of_space;
    statements sql;

    space_desk(lakeferry::test::world& w, http::client& client, auth::credential_store& credentials, rt::task_group& group,
               const std::string& secret_file, const std::string& client_id, statement_limits& limits, const std::string& name)
        : tokens(w.executor(), {w.time, w.wall, client, credentials, group, w.rng, w.log},
                 {host, client_id, {auth::credential_ref::kind::file, secret_file}, name}),
          door({w.time, w.wall, client, tokens, w.rng, w.log}, host, name),
          of_space(w.executor(), 4),
          sql(door, limits, of_space)
    {
    }
};

struct desk {
    lakeferry::test::world w;
    std::string secret_file;
    rt::task_group group{w.executor(), {}};
    fake_databricks::fake_workspace fake;
    fake_databricks::direct_client client{w.time};
    auth::credential_store credentials{""};
    statement_limits limits{w.executor(), 8};
    space_desk acme;

    explicit desk(std::uint64_t seed = 1, fake_databricks::fake_settings settings = {})
        : w(seed), secret_file(write_secret()), fake(w.time, w.wall, group, w.rng, std::move(settings)),
          acme(w, client, credentials, group, secret_file, fake.settings().client_id, limits, "acme")
    {
        client.serve(host, fake);
        fake.add_warehouse({.id = "w1", .state = "RUNNING"});
    }
    desk(const desk&) = delete;
    desk& operator=(const desk&) = delete;
    ~desk()
    {
        group.cancel();
        w.run(group.join());
        std::remove(secret_file.c_str());
    }

    static std::string write_secret()
    {
        auto path = testing::TempDir() + "lakeferry-desk-" + std::to_string(::getpid());
        std::ofstream(path) << "right-secret\n";
        ::chmod(path.c_str(), 0600);
        return path;
    }
    std::unique_ptr<space_desk> another_space(const std::string& name)
    {
        return std::make_unique<space_desk>(w, client, credentials, group, secret_file, fake.settings().client_id, limits, name);
    }
    deadline in(rt::duration d) const { return deadline::in(w.time, d); }
    std::size_t requests(std::string_view method, std::string_view part) const
    {
        std::size_t n = 0;
        for (const auto& e : fake.ledger)
            if (e.method == method && e.target.find(part) != std::string::npos) ++n;
        return n;
    }
};

inline statement make_statement(std::string text)
{
    statement out;
    out.text = std::move(text);
    out.warehouse_id = "w1";
    return out;
}

template <class T>
std::string id_of(const outcome<T>& got)
{
    return got.has_error() ? got.error().id : std::string("success");
}

}  // namespace lakeferry::databricks::test
