// A space on a disk in memory: calls go in as JSON, tables come out as they would stand in the warehouse.
#pragma once

#include "net/rt/time.hpp"
#include "sync/core/event_block.hpp"
#include "sync/core/json.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/identity/holder_cache.hpp"
#include "sync/identity/records.hpp"
#include "sync/identity/resolver.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/store/store.hpp"
#include "tests/support/fake_disk/fake_disk.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::identity::test {

namespace json = boost::json;

class fixed_clock final : public rt::wall_clock {
public:
    std::int64_t now_us() const noexcept override { return us; }
    std::int64_t us = *core::parse_timestamp("2026-03-01T00:00:00Z");
};

inline constexpr std::string_view noon = "2026-02-01T12:00:00.000000Z";

struct space_setup {
    core::identity_settings rules{};
    bool materialized = true;
    bool two_threads = false;
    core::select_settings select{};
    std::size_t cache_bytes = std::size_t{256} << 10U;
};

class space_under_test {
public:
    explicit space_under_test(space_setup setup = {}) : setup_(std::move(setup)) { reopen(); }

    // One block. received: of all these calls.
    void accept(const std::vector<std::string>& calls, std::string_view received = noon, std::string_view type = {},
                std::string_view envelope = {})
    {
        core::event_block block{.type = type, .envelope = envelope, .sources = {"web"}};
        for (const auto& call : calls)
            block.calls.push_back({.text = call, .received_us = *core::parse_timestamp(received)});
        store::batch changes;
        changes.put(store::family::events, core::event_key(number, ++arrival), core::encode_event_block(block));
        ASSERT_TRUE(in->write(std::move(changes), store::durable::yes));
    }

    // Until nothing waits; results added up.
    resolve_result resolve(std::size_t calls_a_step = 10'000)
    {
        resolve_result all;
        for (;;) {
            auto done = resolver_->step({.calls = calls_a_step, .two_threads = setup_.two_threads});
            if (done.has_error()) {
                ADD_FAILURE() << done.error().id << ": " << done.error().detail;
                return all;
            }
            add(all, *done);
            if (!done->more) return all;
        }
    }
    resolve_result run(const std::vector<std::string>& calls, std::string_view received = noon)
    {
        accept(calls, received);
        return resolve();
    }
    resolver& get_resolver() { return *resolver_; }

    // Rows of a table in the order in which they were produced, uuid_ts taken off.
    std::vector<json::object> rows(std::string_view table)
    {
        std::vector<json::object> all;
        const auto t = find(table);
        if (!t) return all;
        auto from = core::key32(number);
        core::append_be32(from, t->number);
        const auto visit = [&](std::string_view, std::string_view value) {
            auto block = core::decode_outbox_block(value);
            EXPECT_TRUE(block);
            std::size_t lines = 0;
            for (std::size_t at = 0; at < block->lines.size(); ++lines) {
                const auto end = block->lines.find('\n', at);
                auto row = json::parse(block->lines.substr(at, end - at)).as_object();
                EXPECT_TRUE(row.erase("uuid_ts") == 1 || (row.contains("_op") && row["_op"] == "delete"));
                all.push_back(std::move(row));
                at = end + 1;
            }
            EXPECT_EQ(lines, block->rows);
            return true;
        };
        EXPECT_TRUE(in->scan(store::family::outbox, from, core::prefix_end(from), visit));
        return all;
    }

    // A keyed table as the guarded MERGE leaves it. Every operation must have a seq above the last of its key.
    std::map<std::string, json::object> current(std::string_view table)
    {
        std::map<std::string, json::object> now;
        std::map<std::string, std::int64_t> last;
        const auto t = find(table);
        for (auto row : rows(table)) {
            EXPECT_EQ(row.begin()->key(), "_op");
            std::string key;
            for (const auto& column : t->key) key += std::string(row.at(column).as_string()) + "|";
            key.pop_back();
            const auto seq = row.at("seq").as_int64();
            EXPECT_TRUE(!last.contains(key) || seq > last[key]) << table << " " << key;
            last[key] = seq;
            const bool gone = row.at("_op") == "delete";
            row.erase("_op");
            if (gone)
                now.erase(key);
            else
                now[key] = std::move(row);
        }
        return now;
    }

    std::optional<core::table> find(std::string_view name)
    {
        auto tables = *known_tables(*in, number);
        const auto found = std::find_if(tables.begin(), tables.end(), [&](const auto& t) { return t.name == name; });
        return found == tables.end() ? std::nullopt : std::optional(std::move(*found));
    }
    core::column_type type_of(std::string_view table, std::string_view column)
    {
        const auto t = find(table);
        const auto* c = t ? t->find(column) : nullptr;
        if (c == nullptr) ADD_FAILURE() << "no column " << table << "." << column;
        return c != nullptr ? c->type : core::column_type::string;
    }

    void reopen()
    {
        resolver_.reset();
        in.reset();
        cache = std::make_unique<holder_cache>(setup_.cache_bytes);  // a new process knows nothing
        auto opened = store::store::open({.directory = "/state", .env = disk.env()});
        ASSERT_TRUE(opened) << opened.error().detail;
        in = std::move(*opened);
        make_resolver();
    }
    void change_rules(core::identity_settings rules)
    {
        setup_.rules = std::move(rules);
        make_resolver();
    }

    static constexpr std::uint32_t number = 7;
    lakeferry::test::fake_disk disk{};
    fixed_clock clock{};
    std::unique_ptr<store::store> in{};
    std::unique_ptr<holder_cache> cache{};
    std::uint64_t arrival = 0;

private:
    void make_resolver()
    {
        resolver_ = std::make_unique<resolver>(
            *in,
            resolver_settings{.space_id = "acme",
                              .space = number,
                              .rules = setup_.rules,
                              .sources = {{.name = "Web site", .id = "web", .slug = "web_site", .write_key = "k"}},
                              .materialized = setup_.materialized,
                              .select = setup_.select},
            clock, cache.get());
    }
    static void add(resolve_result& all, const resolve_result& more)
    {
        all.blocks += more.blocks;
        all.calls += more.calls;
        all.duplicates += more.duplicates;
        all.unreadable += more.unreadable;
        all.profiles_created += more.profiles_created;
        all.profiles_merged += more.profiles_merged;
        all.identifiers_added += more.identifiers_added;
        for (const auto& [name, count] : more.notes) all.notes[name] += count;
        for (const auto& [name, counts] : more.tables) {
            all.tables[name].rows += counts.rows;
            all.tables[name].rescued += counts.rescued;
        }
        all.rows += more.rows;
        all.rescued += more.rescued;
        all.batch = std::max(all.batch, more.batch);
    }

    space_setup setup_;
    std::unique_ptr<resolver> resolver_{};
};

// The profile that a call of this message id creates.
inline std::string made_by(std::string_view message_id) { return segment_id(core::digest128({"acme", message_id})); }

// {"type":…,"messageId":…,<rest>}
inline std::string call(std::string_view type, std::string_view id, std::string_view rest)
{
    return "{\"type\":\"" + std::string(type) + "\",\"messageId\":\"" + std::string(id) + "\"" +
           (rest.empty() ? "" : ",") + std::string(rest) + "}";
}

// A text column, "" if the row does not have it.
inline std::string text(const json::object& row, std::string_view column)
{
    const auto* value = row.if_contains(json::string_view(column.data(), column.size()));
    if (value == nullptr) return {};
    return value->is_string() ? std::string(value->as_string()) : core::compact(*value);
}

// Values of one column over rows.
inline std::vector<std::string> column(const std::vector<json::object>& rows, std::string_view name)
{
    std::vector<std::string> all;
    for (const auto& row : rows) all.push_back(text(row, name));
    return all;
}

using texts = std::vector<std::string>;

}  // namespace lakeferry::identity::test
