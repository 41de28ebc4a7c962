#include "sync/intake/kafka_positions.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"

#include <charconv>

namespace lakeferry::intake {
namespace {

constexpr std::string_view signature_prefix = "lakeferry ";

// The store that a commit names; empty: none.
std::string_view store_of(std::string_view metadata)
{
    return metadata.starts_with(signature_prefix) ? metadata.substr(signature_prefix.size()) : std::string_view();
}

std::string prefix_of(std::uint32_t space, const std::string& topic)
{
    return core::space_meta_key(space, "kafka/" + topic + "/");
}

}  // namespace

std::string kafka_signature(const std::string& store_id)
{
    return std::string(signature_prefix) + store_id;
}

kafka_decision decide_start(std::optional<std::int64_t> ours, const kafka_committed& group, const std::string& store_id)
{
    const bool committed = group.offset >= 0;
    const auto other = store_of(group.metadata);
    if (committed && !other.empty() && other != store_id && group.offset > ours.value_or(-1))
        return {group.offset, ours ? kafka_start::taken_over : kafka_start::group};
    if (ours) return {*ours, kafka_start::own};
    if (committed) return {group.offset, kafka_start::group};
    return {};
}

kafka_loss judge_out_of_range(std::int64_t wanted, const kafka_watermarks& marks)
{
    // The end itself can be read: there is no message yet.
    if (wanted > marks.high) return {marks.low, 0, true};
    if (wanted < marks.low) return {marks.low, marks.low - wanted, false};
    return {wanted, 0, false};
}

side_record position_record(std::uint32_t space,
                            const core::kafka_settings& of,
                            std::int32_t partition,
                            std::int64_t next)
{
    side_record out;
    out.key = prefix_of(space, of.topic) + std::to_string(partition) + "/" + of.group;
    core::append_be64(out.value, static_cast<std::uint64_t>(next));
    return out;
}

rt::outcome<kafka_offsets> load_positions(store::store& in, std::uint32_t space, const core::kafka_settings& of)
{
    kafka_offsets found;
    const std::string from = prefix_of(space, of.topic);
    const auto read =
        in.scan(store::family::meta, from, core::prefix_end(from), [&](std::string_view key, std::string_view value) {
            std::string_view rest = key.substr(from.size());
            std::int32_t partition = -1;
            const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), partition);
            rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
            const bool mine = error == std::errc() && rest.size() == of.group.size() + 1 && rest.substr(1) == of.group;
            if (mine && value.size() == 8) found[partition] = static_cast<std::int64_t>(core::read_be64(value));
            return true;
        });
    if (read.has_error()) return read.error();
    return found;
}

std::string store_id_key(std::uint32_t space)
{
    return core::space_meta_key(space, "kafka-store");
}

}  // namespace lakeferry::intake
