// The part of a space's identity graph that one step touches: read when first asked for, changed in memory, written
// once at the end.
#pragma once

#include "sync/identity/records.hpp"
#include "sync/store/store.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lakeferry::identity {

using holder_map = boost::unordered_flat_map<core::id128, std::optional<profile_id>, id_hash>;

// What was read ahead of the decisions, as it was in the store before the step. Made on another thread.
struct read_ahead {
    holder_map holders{};
    std::vector<std::pair<profile_id, std::optional<std::string>>> profiles{};
    std::vector<std::pair<profile_id, std::optional<std::string>>> traits{};
};

// Not thread-safe. A failure of the store is kept; from then on answers are empty and must not be used: look at
// failure() before writing.
class graph {
public:
    graph(store::store& in, std::uint32_t space) : in_(in), space_(space) {}

    void offer(read_ahead found);

    // The live profile that holds an identifier.
    std::optional<profile_id> holder(const core::id128& identifier);
    void set_holder(const core::id128& identifier, const profile_id& to);

    bool exists(const profile_id& id);
    // For reading. The reference lives as long as the graph.
    const profile& get(const profile_id& id);
    profile& change(const profile_id& id);
    profile& create(profile made);

    const std::vector<trait>& traits(const profile_id& id);
    std::vector<trait>& change_traits(const profile_id& id);

    const std::optional<rt::failure>& failure() const noexcept { return failure_; }
    void write_to(store::batch& changes) const;
    // Identifiers that changed hands.
    std::vector<std::pair<core::id128, profile_id>> moved() const;

private:
    struct profile_entry {
        std::optional<std::string> raw{};  // read, not yet decoded
        std::optional<profile> value{};
        bool changed = false;
    };
    struct traits_entry {
        std::optional<std::string> raw{};
        std::optional<std::vector<trait>> value{};
        bool changed = false;
    };
    struct holder_entry {
        std::optional<profile_id> to{};
        bool changed = false;
    };

    std::optional<std::string> read(char kind, const core::id128& id);
    profile_entry& entry(const profile_id& id);
    profile_entry& decoded(const profile_id& id);
    traits_entry& decoded_traits(const profile_id& id);
    void fail(rt::failure f);

    store::store& in_;
    std::uint32_t space_;
    boost::unordered_flat_map<core::id128, holder_entry, id_hash> holders_{};
    std::unordered_map<profile_id, profile_entry, id_hash> profiles_{};
    std::unordered_map<profile_id, traits_entry, id_hash> traits_{};
    std::optional<rt::failure> failure_{};
};

}  // namespace lakeferry::identity
