// The part of kafka_reader that takes and gives back partitions.
#include "net/rt/offload.hpp"
#include "sync/intake/kafka_reader.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::intake {

std::vector<kafka_position> kafka_reader::starts() const
{
    std::vector<kafka_position> all;
    for (const auto& [partition, offset] : next_) all.push_back({partition, offset});
    return all;
}

void kafka_reader::keep_start(std::int32_t partition, const kafka_decision& start, std::int64_t committed)
{
    next_[partition] = start.offset;
    if (start.why == kafka_start::taken_over)
        needs_.log.warn(
            "kafka.taken_over",
            "Another store of the group read on from where this one had stopped: its calls are there, and not here",
            about({{"partition", partition}, {"offset", start.offset}}));
    // The store may be older than the group knows (restored) or newer (killed before it could tell).
    if (start.why == kafka_start::own && committed != start.offset) {
        untold_[partition] = start.offset;
        if (committed < 0) return;  // the group knows nothing of the partition yet
        needs_.log.info("kafka.own_offset", "The store's own place counts, not the one that the group has committed",
                        about({{"partition", partition}, {"offset", start.offset}, {"committed", committed}}));
    }
}

rt::awaitable<std::optional<rt::failure>> kafka_reader::begin_partitions(std::vector<std::int32_t> partitions)
{
    ++counts_.rebalances;
    auto stored = co_await rt::offload_uncancellable(
        needs_.workers, [this] { return load_positions(needs_.store, space_, settings_); });
    if (stored.has_error()) co_return stored.error();
    auto group = co_await client_->committed(partitions);
    if (group.has_error()) co_return group.error();
    next_.clear();
    untold_.clear();
    pending_.clear();
    for (const auto partition : partitions) {
        const auto ours = stored->find(partition);
        const auto theirs =
            std::find_if(group->begin(), group->end(), [&](const auto& c) { return c.partition == partition; });
        const kafka_committed committed = theirs == group->end() ? kafka_committed{partition} : *theirs;
        const auto mine = ours == stored->end() ? std::nullopt : std::optional(ours->second);
        keep_start(partition, decide_start(mine, committed, store_id_), committed.offset);
    }
    auto taken = co_await client_->assign(starts());
    if (taken.has_error()) co_return taken.error();
    held_ = false;
    view_.partitions = next_.size();
    view_.lag.reset();
    if (!problem_of_writing_ && !next_.empty()) clear_problem();
    needs_.log.info("kafka.assigned", "The group gave partitions to this daemon",
                    about({{"partitions", partitions.size()}}));
    co_await say_whether_shared();
    co_return std::nullopt;
}

// Profiles of one space are resolved in one store: with the topic in several, each knows a part of every person.
rt::awaitable<void> kafka_reader::say_whether_shared()
{
    view_.notice.clear();
    const auto total = co_await client_->partitions();
    if (total.has_error()) co_return;  // whatever it is, reading will meet it, too
    view_.partitions_total = *total;
    if (*total <= next_.size()) co_return;
    view_.notice = "Other members of group \"" + settings_.group + "\" read " + std::to_string(*total - next_.size()) +
                   " of " + std::to_string(*total) +
                   " partitions of the topic. No call is lost, yet profiles are resolved for each "
                   "store apart: let one daemon read a space's topic, or give the others groups of their own.";
    needs_.log.warn("kafka.shared", view_.notice, about({{"partitions", next_.size()}, {"of", *total}}));
}

// What is not written by now is left to whoever reads on from where the group is told that we stand.
rt::awaitable<void> kafka_reader::end_partitions(bool lost)
{
    pending_.clear();
    if (!lost) co_await tell_group(true);
    co_await client_->unassign();
    next_.clear();
    untold_.clear();
    held_ = false;
    view_.partitions = 0;
    view_.lag.reset();
    view_.state = kafka_state::connecting;
    needs_.log.info("kafka.revoked", "The group took the partitions back, to give them out anew",
                    about({{"lost", lost}}));
}

// Never silently: what retention deleted before it was read is gone.
rt::awaitable<std::optional<rt::failure>> kafka_reader::skip_gap(std::int32_t partition)
{
    const auto at = next_.find(partition);
    if (at == next_.end()) co_return std::nullopt;
    const auto marks = co_await client_->watermarks(partition);
    if (marks.has_error()) co_return marks.error();
    // What is in hand and not written yet was read already.
    std::int64_t wanted = at->second;
    for (const auto& one : pending_)
        if (one.partition == partition) wanted = std::max(wanted, one.offset + 1);
    const bool in_hand = wanted != at->second;
    const auto loss = judge_out_of_range(wanted, *marks);
    const std::string place = "partition " + std::to_string(partition) + " of topic " + settings_.topic;
    if (loss.topic_is_new) {
        view_.notice =
            place + " ends at offset " + std::to_string(marks->high) + ", before the offset " + std::to_string(wanted) +
            " that was to be read: the topic was made anew or cut off. It is read from its earliest message, " +
            std::to_string(loss.next) + "; calls that were read before are known by their messageId.";
    } else if (loss.messages > 0) {
        view_.lost += static_cast<std::uint64_t>(loss.messages);
        counts_.lost += static_cast<std::uint64_t>(loss.messages);
        view_.notice =
            "LOST: the offsets " + std::to_string(wanted) + " to " + std::to_string(loss.next - 1) + " of " + place +
            " (at most " + std::to_string(loss.messages) +
            " messages) were deleted by the topic's retention before they were "
            "read. Reading goes on at the earliest message. Raise retention.ms of the topic above the longest pause.";
    }
    if (loss.topic_is_new || loss.messages > 0)
        needs_.log.error(
            "kafka.messages_lost", view_.notice,
            about({{"partition", partition}, {"wanted", wanted}, {"next", loss.next}, {"lost", loss.messages}}));
    if (!in_hand) {
        // Durable before anything else: this place is not met again.
        std::vector<side_record> place_record;
        place_record.push_back(position_record(space_, settings_, partition, loss.next));
        const auto written = co_await needs_.into.commit({}, std::move(place_record));
        if (written.has_error()) co_return written.error();
        untold_[partition] = at->second = loss.next;
    }
    auto from = starts();
    for (auto& one : from)
        if (one.partition == partition) one.offset = loss.next;
    auto again = co_await client_->assign(std::move(from));
    if (again.has_error()) co_return again.error();
    held_ = false;
    co_return std::nullopt;
}

void kafka_reader::note(const kafka_statistics& seen)
{
    if (seen.broker_up && view_.error_id == "kafka.unreachable") clear_problem();
    std::uint64_t lag = 0;
    bool known = false;
    for (const auto& [partition, end] : seen.ends) {
        const auto at = next_.find(partition);
        if (at == next_.end() || end < 0 || at->second < 0) continue;
        known = true;
        if (end > at->second) lag += static_cast<std::uint64_t>(end - at->second);
    }
    if (known) view_.lag = lag;
}

void kafka_reader::write_logs(const std::vector<kafka_log_line>& lines)
{
    for (const auto& one : lines)
        client_log_.write(one.facility, one.how, "kafka.client", one.text, about({{"facility", one.facility}}));
}

}  // namespace lakeferry::intake
