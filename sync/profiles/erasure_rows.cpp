#include "sync/profiles/erasure_rows.hpp"

#include "sync/core/json.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/row.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 3> profile_names{"segment_id", "canonical_segment_id", "merged_to"};

std::string quoted(std::string_view text)
{
    std::string out;
    core::append_quoted(out, text);
    return out;
}

// A JSON text inside a JSON text (arrays and rescued values stand like that in rows), without items or members that
// name a person. nullopt: there is none.
std::optional<std::string> cleaned(std::string_view raw, const core::quoted_set& any)
{
    boost::system::error_code ec;
    const auto outer = json::parse(raw, ec);
    if (ec || !outer.is_string()) return std::nullopt;
    auto inner = json::parse(outer.get_string(), ec);
    if (ec) return std::nullopt;
    bool changed = false;
    if (auto* items = inner.if_array()) {
        json::array left;
        for (auto& item : *items) {
            const auto* object = item.if_object();
            const auto* id = object != nullptr ? object->if_contains("id") : nullptr;
            if (id != nullptr && any.contains(core::compact(*id))) changed = true;
            else left.push_back(std::move(item));
        }
        inner = std::move(left);
    } else if (auto* members = inner.if_object()) {
        json::object left;
        for (auto& member : *members) {
            if (any.contains(core::compact(member.value()))) changed = true;
            else left[member.key()] = std::move(member.value());
        }
        inner = std::move(left);
    }
    if (!changed) return std::nullopt;
    return quoted(core::compact(inner));
}

// Blocks whose rows a statement takes from the outbox each time it is sent: they must stay as they were.
bool travels(const std::vector<load>& journal, const core::table& t, bool fill, std::uint64_t batch)
{
    return std::any_of(journal.begin(), journal.end(), [&](const load& l) {
        return l.state == load_state::staged && l.files.empty() && l.table == t.name && l.fill == fill &&
               l.first_batch <= batch && batch <= l.last_batch;
    });
}

struct rewritten {
    core::outbox_block block{};
    std::uint64_t removed = 0;
    std::uint64_t blanked = 0;
};

rewritten rewrite(const core::outbox_block& from, const row_matcher& who, bool events)
{
    rewritten out;
    std::string_view rest = from.lines;
    std::string changed;
    const auto keep = [&out](std::string_view line) {
        out.block.lines.append(line).push_back('\n');
        ++out.block.rows;
        if (line.find("\"_rescued_data\":") != std::string_view::npos) ++out.block.rescued;
    };
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        switch (who.look(line, events, changed)) {
            case row_matcher::verdict::keep: keep(line); break;
            case row_matcher::verdict::remove: ++out.removed; break;
            case row_matcher::verdict::blank:
                ++out.blanked;
                keep(changed);
                break;
        }
    }
    return out;
}

}  // namespace

bool holds_events(const core::table& t) noexcept
{
    return t.find("original_timestamp") != nullptr && t.find("segment_id") != nullptr;
}

std::span<const std::string_view> profile_columns() noexcept { return profile_names; }

row_matcher::row_matcher(const core::people& who, const columns_of_type& columns)
{
    for (const auto& id : who.segments) segments_.insert(quoted(id));
    for (const auto& one : who.identifiers) {
        // A column that took its type from a number holds the digits.
        const bool digits = !one.value.empty() && one.value.find_first_not_of("0123456789") == std::string::npos;
        const auto insert = [&](core::quoted_set& to) {
            to.insert(quoted(one.value));
            if (digits) to.insert(one.value);
        };
        for (const auto& column : columns(one.type)) insert(columns_[column]);
        insert(any_);
    }
}

bool row_matcher::names(std::string_view column, std::string_view raw) const
{
    const auto at = columns_.find(column);
    return at != columns_.end() && at->second.contains(std::string(raw));
}

row_matcher::verdict row_matcher::look(std::string_view line, bool events, std::string& changed) const
{
    bool theirs = false;
    bool of_somebody = false;
    bool named = false;
    core::split_object(line, [&](std::string_view key, std::string_view raw) {
        if (std::find(profile_names.begin(), profile_names.end(), key) != profile_names.end()) {
            of_somebody = of_somebody || key == "segment_id";
            theirs = theirs || segments_.contains(std::string(raw));
        } else if (events) {
            named = named || names(key, raw);
            if (key == external_ids_column || key == core::rescued_column) named = named || cleaned(raw, any_).has_value();
        }
        return !theirs;
    });
    if (theirs || (named && !of_somebody)) return verdict::remove;
    if (!named) return verdict::keep;
    changed.assign(1, '{');
    core::split_object(line, [&](std::string_view key, std::string_view raw) {
        if (names(key, raw)) return true;
        if (changed.size() > 1) changed += ',';
        changed.append("\"").append(key).append("\":");
        const bool nested = key == external_ids_column || key == core::rescued_column;
        const auto clean = nested ? cleaned(raw, any_) : std::nullopt;
        changed += clean ? *clean : std::string(raw);
        return true;
    });
    changed += '}';
    return verdict::blank;
}

namespace {

class sweeper {
public:
    sweeper(store::store& in, const row_matcher& who, const std::vector<load>& journal, const sweep_record& along)
        : in_(in), who_(who), journal_(journal), along_(along)
    {
    }

    rt::outcome<void> lane(std::uint32_t space, const core::table& table, bool fill, std::uint64_t last_batch)
    {
        const std::uint32_t number = fill ? table.number | core::fill_lane : table.number;
        const bool events = holds_events(table);
        auto scanned = in_.scan(store::family::outbox, core::outbox_key(space, number, 0),
                                core::outbox_key(space, number, last_batch),
                                [&](std::string_view key, std::string_view value) {
                                    const bool held = travels(journal_, table, fill, core::read_be64(key, 8));
                                    take(key, value, events, held);
                                    return !failed_;
                                });
        if (scanned.has_error()) return scanned.error();
        if (failed_) return *failed_;
        return {};
    }

    rt::outcome<outbox_sweep> finish()
    {
        write(store::durable::yes);
        if (failed_) return *failed_;
        return out_;
    }

private:
    void take(std::string_view key, std::string_view value, bool events, bool held)
    {
        constexpr std::size_t write_bytes = 4U << 20;
        const auto block = core::decode_outbox_block(value);
        if (block.has_error()) {
            failed_ = block.error();
            return;
        }
        const auto now = rewrite(*block, who_, events);
        if (now.removed + now.blanked == 0) return;
        if (held) {
            ++out_.blocks_left;
            return;
        }
        out_.removed += now.removed;
        out_.blanked += now.blanked;
        if (!along_) return;
        if (now.block.rows == 0) changes_.remove(store::family::outbox, key);
        else changes_.put(store::family::outbox, key, core::encode_outbox_block(now.block));
        if (changes_.bytes() > write_bytes) write(store::durable::no);
    }

    void write(store::durable when)
    {
        if (failed_ || changes_.empty()) return;
        along_(out_, changes_);
        if (auto written = in_.write(std::exchange(changes_, store::batch()), when); written.has_error())
            failed_ = written.error();
    }

    store::store& in_;
    const row_matcher& who_;
    const std::vector<load>& journal_;
    const sweep_record& along_;
    outbox_sweep out_{};
    store::batch changes_{};
    std::optional<rt::failure> failed_{};
};

}  // namespace

rt::outcome<outbox_sweep> sweep_outbox(store::store& in, std::uint32_t space, const std::vector<core::table>& tables,
                                       const row_matcher& who, std::uint64_t last_batch,
                                       const std::vector<load>& journal, const sweep_record& along)
{
    sweeper work(in, who, journal, along);
    for (const auto& table : tables) {
        if (auto done = work.lane(space, table, false, last_batch + 1); done.has_error()) return done.error();
        // What fills a table is the past, whatever its number.
        constexpr auto all = std::numeric_limits<std::uint64_t>::max();
        if (auto done = work.lane(space, table, true, all); done.has_error()) return done.error();
    }
    return work.finish();
}

}  // namespace lakeferry::profiles
