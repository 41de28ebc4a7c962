// A store in memory with an outbox to read from.
#pragma once

#include "net/rt/check.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/table.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/store/store.hpp"
#include "tests/support/fake_disk/fake_disk.hpp"

#include <memory>
#include <string>

namespace lakeferry::test {

struct outbox_fixture {
    fake_disk disk{};
    std::unique_ptr<store::store> store{};
    static constexpr std::uint32_t space = 1;

    outbox_fixture()
    {
        store::store_options options;
        options.directory = "/state";
        options.env = disk.env();
        store = store::store::open(options).value();
    }

    void put(const core::table& t, std::uint64_t batch, std::string lines, std::uint32_t rows)
    {
        store::batch changes;
        changes.put(store::family::outbox, core::outbox_key(space, t.number, batch),
                    core::encode_outbox_block({.rows = rows, .lines = std::move(lines)}));
        ASSERT_OK(store->write(std::move(changes), store::durable::no));
    }

    static void ASSERT_OK(const rt::outcome<void>& done) { rt::check(done.has_value(), "the store in memory takes it"); }
};

// Load 3 of tracks, sent and not finished: `rows` rows in one file.
inline profiles::load sent_load(std::uint64_t rows)
{
    profiles::load l;
    l.number = 3;
    l.table = "tracks";
    l.target = "`main`.`acme`.`tracks`";
    l.first_batch = 1;
    l.last_batch = 2;
    l.rows = rows;
    l.files = {"/Volumes/main/acme/lakeferry/load-3.parquet"};
    l.parts = {{"COPY INTO …", 0, rows}};
    l.sends = 1;
    l.statement_id = "01f0";
    return l;
}

}  // namespace lakeferry::test
