#include "sync/identity/resolver.hpp"

#include "net/rt/time.hpp"
#include "sync/core/event_block.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/identity/ahead.hpp"
#include "sync/identity/holder_cache.hpp"
#include "sync/identity/progress.hpp"
#include "sync/identity/run.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <thread>

namespace lakeferry::identity {

namespace {

struct waiting {
    std::deque<waiting_block> blocks{};  // their addresses stay
    std::vector<std::string> keys{};
    std::vector<call_ref> calls{};
    std::uint64_t last_arrival = 0;
    bool more = false;
};

rt::outcome<waiting> read_waiting(store::store& in, std::uint32_t space, const progress& now,
                                  const resolve_limits& limits)
{
    waiting found;
    std::size_t bytes = 0;
    std::uint64_t order = now.calls;
    std::optional<rt::failure> damaged;
    const auto visit = [&](std::string_view key, std::string_view value) {
        if (!found.blocks.empty() && (found.calls.size() >= limits.calls || bytes >= limits.bytes)) {
            found.more = true;
            return false;
        }
        auto& block = found.blocks.emplace_back();
        block.stored = value;
        auto decoded = core::decode_event_block(block.stored);
        if (decoded.has_error()) {
            damaged = decoded.error();
            return false;
        }
        block.block = std::move(*decoded);
        block.first_order = order;
        order += block.block.calls.size();
        bytes += value.size();
        found.keys.emplace_back(key);
        found.last_arrival = core::read_be64(key, 4);
        for (std::uint32_t i = 0; i < block.block.calls.size(); ++i) found.calls.push_back({&block, i});
        return true;
    };
    auto scanned = in.scan(store::family::events, core::event_key(space, now.resolved + 1),
                           core::prefix_end(core::key32(space)), visit);
    if (scanned.has_error()) return scanned.error();
    if (damaged) return *damaged;
    return found;
}

void remove_events(store::batch& changes, const std::vector<std::string>& keys)
{
    constexpr std::size_t one_by_one_max = 256;
    if (keys.size() <= one_by_one_max) {
        for (const auto& key : keys) changes.remove(store::family::events, key);
        return;
    }
    changes.remove_range(store::family::events, keys.front(), keys.back());
    changes.remove(store::family::events, keys.back());
}

// Compresses the rows of all tables; with a second thread where there is enough to do.
void write_rows(store::batch& changes, std::uint32_t space, std::uint64_t batch, table_set& tables,
                resolve_result& result, bool two_threads)
{
    std::vector<std::pair<std::uint32_t, core::outbox_block>> blocks;
    std::size_t bytes = 0;
    tables.for_each([&](open_table& t) {
        if (t.has_fill_rows()) {
            blocks.emplace_back(t.definition().number | core::fill_lane, t.take_fill_rows());
            result.rows += blocks.back().second.rows;
        }
        if (!t.has_rows()) return;
        auto& counts = result.tables[t.definition().name];
        counts = {.rows = t.rows(), .rescued = t.rescued()};
        result.rows += counts.rows;
        result.rescued += counts.rescued;
        blocks.emplace_back(t.definition().number, t.take_rows());
        bytes += blocks.back().second.lines.size();
    });
    std::vector<std::string> encoded(blocks.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
        for (std::size_t i = next++; i < blocks.size(); i = next++) {
            encoded[i] = core::encode_outbox_block(blocks[i].second);
            std::string().swap(blocks[i].second.lines);
        }
    };
    constexpr std::size_t worth_a_thread = std::size_t{512} << 10U;
    if (two_threads && bytes > worth_a_thread) {
        std::thread other(work);
        work();
        other.join();
    } else {
        work();
    }
    for (std::size_t i = 0; i < blocks.size(); ++i)
        changes.put(store::family::outbox, core::outbox_key(space, blocks[i].first, batch), encoded[i]);
}

}  // namespace

struct resolver::body {
    store::store& in;
    resolver_settings settings;
    const rt::wall_clock& clock;
    holder_cache* cache;
    rt::outcome<std::shared_ptr<const rules>> by;
    std::array<std::unique_ptr<preparer>, 2> prepare{};  // the second one for a second thread
    std::unique_ptr<table_set> tables{};

    preparer* preparer_for(std::size_t thread)
    {
        auto& one = prepare.at(thread);
        if (!one) one = std::make_unique<preparer>(in, settings.space, settings.space_id, *by, cache);
        return one.get();
    }
    void forget()
    {
        for (auto& one : prepare) one.reset();
        tables.reset();
    }
    rt::outcome<resolve_result> step(const resolve_limits& limits);
};

resolver::resolver(store::store& in, resolver_settings settings, const rt::wall_clock& clock, holder_cache* cache)
    : body_(std::make_unique<body>(
          body{.in = in, .settings = std::move(settings), .clock = clock, .cache = cache, .by = nullptr}))
{
    body_->by = rules::compile(body_->settings.rules);
}
resolver::~resolver() = default;
resolver::resolver(resolver&&) noexcept = default;
resolver& resolver::operator=(resolver&&) noexcept = default;

rt::outcome<resolve_result> resolver::step(const resolve_limits& limits)
{
    auto result = body_->step(limits);
    // After a failure nobody knows what was written: everything is read again.
    if (result.has_error() || !result->more) body_->forget();
    return result;
}

rt::outcome<resolve_result> resolver::body::step(const resolve_limits& limits)
{
    if (by.has_error()) return by.error();
    const auto space = settings.space;
    auto now = read_progress(in, space);
    if (now.has_error()) return now.error();
    auto found = read_waiting(in, space, *now, limits);
    if (found.has_error()) return found.error();
    if (found->blocks.empty()) return resolve_result{};

    if (!tables) tables = std::make_unique<table_set>(in, space, core::selection(settings.select));
    tables->set_next_number(static_cast<std::uint32_t>(now->next_table));
    const std::size_t calls = found->calls.size();
    store::batch changes;
    resolution_run run(in, **by, settings, *tables, changes, *now, clock.now_us());
    {
        chunks_ahead chunks(*preparer_for(0), limits.two_threads ? preparer_for(1) : nullptr, std::move(found->calls));
        while (const auto chunk = chunks.next()) {
            if (auto done = run.take(*chunk); done.has_error()) return done.error();
        }
    }
    auto result = run.finish();
    result.blocks = found->blocks.size();
    result.calls = calls;
    result.more = found->more;
    result.batch = ++now->batch;
    now->resolved = found->last_arrival;
    now->seq = run.last_seq();
    now->observed = run.observed();
    now->calls += calls;
    now->next_table = tables->next_number();
    for (const auto& [name, count] : result.notes) now->notes[name] += count;
    write_rows(changes, space, now->batch, *tables, result, limits.two_threads);
    tables->write_to(changes);
    remove_events(changes, found->keys);
    write_progress(changes, space, *now);
    auto written = in.write(std::move(changes), store::durable::no);
    if (cache != nullptr) {
        if (written.has_value()) cache->put(space, run.moved());
        else cache->clear();  // nobody knows whether it happened
    }
    if (written.has_error()) return written.error();
    return result;
}

rt::outcome<std::map<std::string, std::uint64_t>> read_notes(store::store& in, std::uint32_t space)
{
    auto now = read_progress(in, space);
    if (now.has_error()) return now.error();
    return std::move(now->notes);
}

}  // namespace lakeferry::identity
