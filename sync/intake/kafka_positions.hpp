// Where a space stands in its topic. The store's own record, written in one batch with the calls, is the truth; what
// the group has committed is a copy for lag tools and for others. Pure decisions and their storage.
#pragma once

#include "sync/intake/acceptor.hpp"
#include "sync/intake/kafka_client.hpp"

#include <map>
#include <optional>
#include <string>

namespace lakeferry::intake {

// The offset of the next message, by partition.
using kafka_offsets = std::map<std::int32_t, std::int64_t>;

enum class kafka_start {
    own,         // what this store has read
    group,       // this store knows nothing of the partition: what the group committed
    taken_over,  // another store of the group went further: what it has, is there
    earliest,    // nobody has read it
};

struct kafka_decision {
    std::int64_t offset = offset_beginning;
    kafka_start why = kafka_start::earliest;
};

// `ours`: of this store. The metadata of a commit names the store that made it (kafka_signature); a commit of another
// store counts where it is further than ours, since that store has those messages; a commit without a name, or of this
// store, never does: the store may be older (restored) or newer (killed before it could commit), and reads on from
// where it stands, either way.
kafka_decision decide_start(std::optional<std::int64_t> ours,
                            const kafka_committed& group,
                            const std::string& store_id);

// The metadata of our commits.
std::string kafka_signature(const std::string& store_id);

// What a gap comes to when the offset `wanted` cannot be read.
struct kafka_loss {
    std::int64_t next = 0;      // read on from here
    std::int64_t messages = 0;  // at most so many are gone for good
    bool topic_is_new = false;  // the topic ends before `wanted`: it was made anew or cut off
};
kafka_loss judge_out_of_range(std::int64_t wanted, const kafka_watermarks& marks);

// Family meta, "space/<n>/kafka/<topic>/<partition>/<group>": be64.
side_record position_record(std::uint32_t space,
                            const core::kafka_settings& of,
                            std::int32_t partition,
                            std::int64_t next);
// Reads the store: workers only.
rt::outcome<kafka_offsets> load_positions(store::store& in, std::uint32_t space, const core::kafka_settings& of);

// Family meta, "space/<n>/kafka-store": names this store in the group, made at first use.
std::string store_id_key(std::uint32_t space);

}  // namespace lakeferry::intake
