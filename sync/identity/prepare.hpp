// Everything about stored calls that does not depend on the graph: reading, identifiers, columns, and the records of
// the store that the decisions will ask for. Runs ahead on a thread of its own.
#pragma once

#include "sync/core/event_block.hpp"
#include "sync/core/json.hpp"
#include "sync/core/row_names.hpp"
#include "sync/identity/decide.hpp"
#include "sync/identity/graph.hpp"
#include "sync/identity/holder_cache.hpp"
#include "sync/identity/rules.hpp"
#include "sync/store/seen.hpp"
#include "sync/store/store.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

// Part of a chunk's text.
struct slice {
    std::uint32_t at = 0;
    std::uint32_t bytes = 0;
    bool empty() const noexcept { return bytes == 0; }
};
// Part of a chunk's list.
struct range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // one past
    bool empty() const noexcept { return first == last; }
};

struct prepared_trait {
    std::string_view name{};
    range cells{};  // in chunk.values
};
struct prepared_identifier {
    slice type{};
    slice value{};
    core::id128 digest{};
};

struct blocked_identifier {
    slice type{};
    slice value{};
};

struct prepared_call {
    bool readable = false;
    core::call_type type = core::call_type::track;
    bool generated_id = false;
    core::id128 message{};  // digest of the message id
    std::optional<store::seen_record> seen{};
    std::uint64_t order = 0;
    std::string_view source{};  // id; lives as long as the step's blocks
    std::string_view refill{};  // table that alone is to be filled; lives as long
    std::int64_t received_us = 0;
    std::optional<std::int64_t> sent_us{};
    std::int64_t original_us = 0;
    std::int64_t timestamp_us = 0;
    slice message_id{}, user_id{}, anonymous_id{}, previous_id{}, group_id{}, event{}, table{};
    std::optional<slice> name{}, category{};
    range fields{};       // in chunk.values: properties, or traits on identify and group
    range context{};      // in chunk.values
    range traits{};       // in chunk.traits: identify
    range identifiers{};  // in chunk.identifiers
    range blocked{};      // in chunk.blocked
};

// Some hundred calls in a row.
struct prepared_chunk {
    std::string text{};
    core::flat_values flat{};
    std::vector<prepared_trait> traits{};
    std::vector<prepared_identifier> identifiers{};
    std::vector<blocked_identifier> blocked{};
    std::vector<prepared_call> calls{};
    read_ahead found{};
    std::optional<rt::failure> failure{};

    std::string_view view(slice s) const noexcept { return std::string_view(text).substr(s.at, s.bytes); }
};

// A stored block with the place of its first call in processing order. Owns what its views point into.
struct waiting_block {
    std::string stored{};
    core::event_block block{};
    std::uint64_t first_order = 0;
};

// One call of a block.
struct call_ref {
    const waiting_block* block = nullptr;
    std::uint32_t index = 0;
};

// One at a time; keeps names and memory between calls. The store and the cache outlive it; cache may be nullptr.
class preparer {
public:
    preparer(store::store& in, std::uint32_t space, std::string space_id, std::shared_ptr<const rules> by,
             holder_cache* cache);
    ~preparer();
    preparer(const preparer&) = delete;
    preparer& operator=(const preparer&) = delete;

    // The blocks and the preparer outlive the chunk.
    prepared_chunk prepare(std::span<const call_ref> calls);

private:
    void read_envelope(const waiting_block& block);
    void read(const call_ref& from, prepared_chunk& chunk);
    std::string made_up_id(std::string_view stored, const prepared_call& of) const;
    void fill(const core::call& call, std::string_view stored, prepared_call& to, prepared_chunk& chunk);
    void fill_traits(const boost::json::object& from, prepared_call& to, prepared_chunk& chunk);
    void look_up_seen(prepared_chunk& chunk);
    void look_up_graph(prepared_chunk& chunk);
    rt::outcome<holder_map> look_up_holders(const prepared_chunk& chunk);

    store::store& in_;
    std::uint32_t space_;
    std::string space_id_;
    std::shared_ptr<const rules> rules_;
    holder_cache* cache_;
    core::name_cache names_;
    core::json_reader reader_;
    core::json_reader envelope_reader_;
    const waiting_block* envelope_of_ = nullptr;
    core::call_envelope envelope_{};
};

}  // namespace lakeferry::identity
