#include "sync/profiles/lease.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/space_sync.hpp"
#include "sync/profiles/succession.hpp"

#include <algorithm>
#include <charconv>

namespace lakeferry::profiles {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t loads_a_term = 1'000'000'000;
constexpr rt::duration look_again_after = 60s;
const std::string id_key = "state_directory";
constexpr std::string_view term_name = "term";

std::uint64_t number_from(std::string_view text) noexcept
{
    std::uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

rt::outcome<std::uint64_t> stored_number(store::store& in, const std::string& key)
{
    auto stored = in.get(store::family::meta, key);
    if (stored.has_error()) return stored.error();
    return stored->has_value() && (**stored).size() == 8 ? core::read_be64(**stored) : std::uint64_t{0};
}

void put_number(store::batch& to, const std::string& key, std::uint64_t number)
{
    std::string value;
    core::append_be64(value, number);
    to.put(store::family::meta, key, value);
}

// Loads are numbered from the term's first number on. Durable before the term is taken.
rt::outcome<void> number_from_term(store::store& in, std::uint32_t space, std::uint64_t term)
{
    const std::string key = core::space_meta_key(space, "fence");
    auto last = stored_number(in, key);
    if (last.has_error()) return last.error();
    if (*last >= first_number(term)) return rt::outcome<void>();
    store::batch changes;
    put_number(changes, key, first_number(term));
    return in.write(std::move(changes), store::durable::yes);
}

rt::failure held(const place& at, const lease_holder& by, const lease_holder& self)
{
    return {
        rt::retry_class::never, "lease.held",
        at.catalog + "." + at.schema + " is kept current by another daemon: " + in_words(by) + ". This one (host " +
            self.host + ", state directory " + self.id +
            ") lands nothing there and keeps its rows. If the other one is to go on, give this space another schema or "
            "remove it here. If it is gone for good, or stopped, run: lakeferry takeover " +
            self.space + ". " + other_profiles(self.space)};
}

}  // namespace

std::optional<lease_holder> holder_from(const databricks::table_info& fence)
{
    const auto find = [&](std::string_view name) {
        const auto found = fence.properties.find(lease_property(name));
        return found == fence.properties.end() ? std::string() : found->second;
    };
    lease_holder by{.id = find("owner"), .space = find("space"), .host = find("host"), .since = find("since")};
    if (by.id.empty()) return std::nullopt;
    by.term = std::max<std::uint64_t>(1, number_from(find(term_name)));
    return by;
}

std::uint64_t first_number(std::uint64_t term) noexcept { return term <= 1 ? 0 : (term - 1) * loads_a_term; }

std::string in_words(const lease_holder& h)
{
    return "space " + h.space + " on host " + h.host + ", state directory " + h.id + ", since " + h.since;
}

rt::outcome<std::string> state_directory_id(store::store& in, std::uint64_t random)
{
    auto stored = in.get(store::family::meta, id_key);
    if (stored.has_error()) return stored.error();
    if (stored->has_value()) return **stored;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string id;
    for (int shift = 60; shift >= 0; shift -= 4) id.push_back(digits[(random >> shift) & 0xFU]);
    store::batch changes;
    changes.put(store::family::meta, id_key, id);
    auto written = in.write(std::move(changes), store::durable::yes);
    if (written.has_error()) return written.error();
    return id;
}

lease::lease(
    sync_parts& with, structure& shape, std::uint32_t space_number, std::string space, std::string warehouse_id)
    : with_(with), shape_(shape), space_number_(space_number), warehouse_id_(std::move(warehouse_id))
{
    self_.space = std::move(space);
    self_.host = with.host;
}

rt::awaitable<rt::outcome<void>> lease::know_self()
{
    if (!self_.id.empty()) co_return boost::system::in_place_value;
    auto id = co_await rt::offload_uncancellable(
        with_.workers, [this, random = with_.rng()] { return state_directory_id(with_.store, random); });
    if (id.has_error()) co_return id.error();
    auto term = co_await rt::offload_uncancellable(with_.workers, [this] {
        return stored_number(with_.store, core::space_meta_key(space_number_, "term"));
    });
    if (term.has_error()) co_return term.error();
    self_.term = std::max<std::uint64_t>(1, *term);
    self_.since = core::format_timestamp(with_.wall.now_us());
    self_.id = std::move(*id);
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<databricks::statement_result>> lease::send(std::string text, rt::deadline limit)
{
    databricks::statement what;
    what.text = std::move(text);
    what.warehouse_id = warehouse_id_;
    ++sent_;
    co_return co_await with_.statements.run(std::move(what), limit);
}

rt::awaitable<rt::outcome<void>> lease::claim(std::uint64_t term, statement_label label, rt::deadline limit)
{
    auto numbered = co_await rt::offload_uncancellable(
        with_.workers, [this, term] { return number_from_term(with_.store, space_number_, term); });
    if (numbered.has_error()) co_return numbered.error();
    self_.term = term;
    self_.since = core::format_timestamp(with_.wall.now_us());
    auto written = co_await send(set_holder(shape_.at(), self_, label), limit);
    if (written.has_error()) co_return written.error();
    co_return boost::system::in_place_value;
}

// The fence of every table: what the earlier owner still has on its way changes nothing from here on. Repeated until it
// is known to have been done.
rt::awaitable<rt::outcome<void>> lease::fence_others(std::uint64_t term, statement_label label, rt::deadline limit)
{
    self_.term = term;
    if (term <= 1) co_return boost::system::in_place_value;
    const std::string key = core::space_meta_key(space_number_, "term");
    auto done = co_await rt::offload_uncancellable(with_.workers, [this, key, term]() -> rt::outcome<bool> {
        if (auto numbered = number_from_term(with_.store, space_number_, term); numbered.has_error())
            return numbered.error();
        auto fenced = stored_number(with_.store, key);
        if (fenced.has_error()) return fenced.error();
        return *fenced >= term;
    });
    if (done.has_error()) co_return done.error();
    if (*done) co_return boost::system::in_place_value;
    const std::pair<std::string, std::uint64_t> every(every_table, first_number(term));
    auto moved = co_await send(move_fences(shape_.at(), std::span(&every, 1), label), limit);
    if (moved.has_error()) co_return moved.error();
    taken_from_ = first_number(term);
    co_return co_await rt::offload_uncancellable(with_.workers, [this, key, term] {
        store::batch changes;
        put_number(changes, key, term);
        return with_.store.write(std::move(changes), store::durable::yes);
    });
}

void lease::note_owner(const std::optional<lease_holder>& by)
{
    ++looks_;
    another_ = by && by->id != self_.id ? by : std::nullopt;
}

rt::awaitable<rt::outcome<void>> lease::allowed(bool afresh, rt::deadline limit)
{
    if (afresh) {
        auto known = co_await know_self();
        if (known.has_error()) co_return known.error();
        const auto before = looks_;
        auto fence = co_await databricks::get_table(with_.door, shape_.at().catalog, shape_.at().schema,
                                                    std::string(fence_table), limit);
        if (fence.has_error() && looks_ == 0) co_return fence.error();
        // What a run found meanwhile is newer.
        if (fence.has_value() && looks_ == before) note_owner(fence->has_value() ? holder_from(**fence) : std::nullopt);
    }
    if (looks_ == 0)
        co_return rt::failure{rt::retry_class::transient, "lease.unknown",
                              "it is not known yet whose schema " + shape_.at().schema + " is"};
    if (another_) co_return held(shape_.at(), *another_, self_);
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> lease::look(bool take, rt::deadline limit)
{
    auto known = co_await know_self();
    if (known.has_error()) co_return known.error();
    auto fence = co_await databricks::get_table(with_.door, shape_.at().catalog, shape_.at().schema,
                                                std::string(fence_table), limit);
    if (fence.has_error()) co_return fence.error();
    checked_ = with_.time.now();
    checked_us_ = with_.wall.now_us();
    table_seen_ = fence->has_value();
    to_claim_ = false;
    term_ = self_.term;
    const auto by = table_seen_ ? holder_from(**fence) : std::nullopt;
    note_owner(by);
    if (!table_seen_) co_return boost::system::in_place_value;  // it is made with us as its owner
    if (by && by->id != self_.id && !take) {
        checked_.reset();
        co_return held(shape_.at(), *by, self_);
    }
    to_claim_ = !by || by->id != self_.id;
    if (by) term_ = to_claim_ ? by->term + 1 : by->term;
    if (by && to_claim_)
        with_.log.warn("lease.taken", "this daemon takes over from " + in_words(*by), {{"space", self_.space}});
    co_return boost::system::in_place_value;
}

// Its rows stand in the tables, its profiles in its own store only.
rt::awaitable<rt::outcome<void>> lease::say_whose_profiles(const lease_holder& before)
{
    const succession what{with_.wall.now_us(), in_words(before)};
    with_.log.warn("identity.apart", in_words(what, self_.space), {{"space", self_.space}});
    co_return co_await rt::offload_uncancellable(
        with_.workers, [this, &what] { return write_succession(with_.store, space_number_, what); });
}

rt::awaitable<rt::outcome<void>> lease::settle(statement_label label, rt::deadline limit)
{
    taken_from_.reset();
    if (to_claim_) {
        auto claimed = co_await claim(term_, label, limit);
        if (claimed.has_error()) co_return claimed.error();
        to_claim_ = false;
        if (another_)
            if (auto said = co_await say_whose_profiles(*another_); said.has_error()) co_return said.error();
        note_owner(self_);
    }
    co_return co_await fence_others(term_, label, limit);
}

rt::awaitable<rt::outcome<void>> lease::confirm(statement_label label, rt::deadline limit)
{
    const auto window_us = std::chrono::duration_cast<std::chrono::microseconds>(look_again_after).count();
    const std::int64_t passed_us = with_.wall.now_us() - checked_us_;
    const bool fresh =
        checked_ && with_.time.now() - *checked_ < look_again_after && passed_us >= 0 && passed_us < window_us;
    if (fresh) co_return boost::system::in_place_value;
    auto looked = co_await look(false, limit);
    if (looked.has_error()) co_return looked.error();
    co_return co_await settle(label, limit);
}

rt::awaitable<rt::outcome<void>> lease::not_fenced(const load& l, statement_label label, rt::deadline limit, bool moved)
{
    auto found = co_await send(read_fence(shape_.at(), l.table, label), limit);
    if (found.has_error()) co_return found.error();
    const bool any = !found->rows.empty() && !found->rows.front().empty();
    const std::uint64_t fence = any ? number_from(found->rows.front().front().value_or("0")) : 0;
    if (fence < l.number + (moved ? 1 : 0)) co_return boost::system::in_place_value;
    checked_.reset();  // whoever moved it is probably the owner now
    co_return rt::failure{
        rt::retry_class::never, "lease.fenced",
        "load " + std::to_string(l.number) + " into " + l.target +
            " changed nothing, because the fence of the table stands at " + std::to_string(fence) +
            " in _lakeferry_loads: another daemon has taken the schema over, or this state directory is "
            "an old copy. The rows are kept. To land from here, stop the other daemon and run: lakeferry takeover " +
            self_.space};
}

}  // namespace lakeferry::profiles
