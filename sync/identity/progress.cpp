#include "sync/identity/progress.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"
#include "sync/identity/table_catalog.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

namespace {

constexpr std::array<std::string_view, 7> names{"resolved", "batch", "seq", "calls", "tables", "observed", "notes"};
constexpr std::size_t number_count = 6;

std::map<std::string, std::uint64_t> read_note_lines(std::string_view text)
{
    std::map<std::string, std::uint64_t> notes;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        const auto space = line.find(' ');
        if (space == std::string_view::npos) continue;
        std::uint64_t count = 0;
        std::from_chars(line.data() + space + 1, line.data() + line.size(), count);
        notes.emplace(line.substr(0, space), count);
    }
    return notes;
}

}  // namespace

rt::outcome<progress> read_progress(store::store& in, std::uint32_t space)
{
    std::vector<std::string> keys;
    for (const auto name : names) keys.push_back(core::space_meta_key(space, name));
    auto got = in.multi_get(store::family::meta, keys);
    if (got.has_error()) return got.error();
    progress now{.next_table = first_event_table};
    const std::array<std::uint64_t*, number_count> numbers{&now.resolved, &now.batch,      &now.seq,
                                                        &now.calls,    &now.next_table, &now.observed};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto& stored = (*got)[i];
        if (!stored) continue;
        if (stored->size() != 8) {
            return rt::failure{.retry = rt::retry_class::never,
                               .id = "identity.damaged",
                               .detail = "the counter \"" + std::string(names.at(i)) + "\" of a space is not whole"};
        }
        *numbers.at(i) = core::read_be64(*stored);
    }
    if ((*got)[number_count]) now.notes = read_note_lines(*(*got)[number_count]);
    return now;
}

rt::outcome<void> raise_seq(store::store& in, std::uint32_t space, std::int64_t now_us)
{
    const auto now = read_progress(in, space);
    if (now.has_error()) return now.error();
    const std::uint64_t least = seq_base + static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_us));
    if (now->seq >= least) return rt::outcome<void>();
    std::string value;
    core::append_be64(value, least);
    store::batch changes;
    changes.put(store::family::meta, core::space_meta_key(space, "seq"), value);
    return in.write(std::move(changes), store::durable::no);
}

void write_progress(store::batch& to, std::uint32_t space, const progress& now)
{
    const std::array<std::uint64_t, number_count> numbers{now.resolved, now.batch,      now.seq,
                                                       now.calls,    now.next_table, now.observed};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::string value;
        core::append_be64(value, numbers.at(i));
        to.put(store::family::meta, core::space_meta_key(space, names.at(i)), value);
    }
    std::string lines;
    for (const auto& [name, count] : now.notes) lines += name + ' ' + std::to_string(count) + '\n';
    to.put(store::family::meta, core::space_meta_key(space, names[number_count]), lines);
}

}  // namespace lakeferry::identity
