// What changed identity rules would do: the same calls resolved twice, by the real resolver, in a store made for it; then
// the two outcomes side by side.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"
#include "sync/identity/resolver.hpp"
#include "sync/store/store.hpp"

#include <boost/json/object.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace lakeferry::identity {

struct preview_settings {
    std::string space_id{};
    core::identity_settings current{};
    core::identity_settings changed{};
    bool two_threads = true;
    std::size_t examples = 10;  // of merges that are added, and of merges that are removed
};

// One outcome in numbers.
struct preview_side {
    std::uint64_t profiles = 0;  // live ones
    std::uint64_t created = 0;
    std::uint64_t merged = 0;    // into another one
    std::uint64_t identifiers = 0;
    std::map<std::string, std::uint64_t> notes{};
};

// Blocks: workers only, one thread. The store is empty and belongs to the preview; the clock outlives it. Memory does not
// grow with the number of calls. The same calls give the same report.
class rule_preview {
public:
    // "identity.bad_pattern" (never): of either rules.
    static rt::outcome<std::unique_ptr<rule_preview>> make(store::store& in, preview_settings settings,
                                                           const rt::wall_clock& clock);

    // An encoded core::event_block. Resolved when enough have come together.
    rt::outcome<void> take(std::string_view block);
    // After the last one: resolves what waits and compares. {"calls","duplicates","unreadable",
    //  "current":{"profiles","created","merged","identifiers","refused":{…}},"changed":{…},
    //  "merges":{"added","removed"},"profiles":{"joined","split"},
    //  "added":[{"segment_id","identifiers","from":[{"segment_id","identifiers"}],"merges":[…]}],
    //  "removed":[{"segment_id","identifiers","into":[…],"refused":[…]}]}
    // stop: asked now and then; true ends it with "preview.interrupted".
    rt::outcome<boost::json::object> finish(const std::function<bool()>& stop);
    // The profiles of both outcomes, a JSON object each: {"rules":"current"|"changed","segment_id","ids","identifiers"}, by
    // segment id. After finish().
    rt::outcome<void> each_profile(const std::function<bool(const std::string& line)>& visit);

private:
    rule_preview(store::store& in, preview_settings settings, const rt::wall_clock& clock);
    rt::outcome<void> resolve();

    store::store& in_;
    preview_settings settings_;
    std::array<resolver, 2> resolvers_;
    std::array<preview_side, 2> sides_{};
    std::uint64_t arrival_ = 0;
    std::size_t waiting_bytes_ = 0;
    std::uint64_t calls_ = 0;
    std::uint64_t duplicates_ = 0;
    std::uint64_t unreadable_ = 0;
};

}  // namespace lakeferry::identity
