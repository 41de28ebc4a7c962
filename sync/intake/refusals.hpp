// Refused calls: counted by reason, and the last ones kept where an operator can look at them.
#pragma once

#include "net/obs/metrics.hpp"
#include "net/rt/failure.hpp"
#include "sync/core/call.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::intake {

struct refused_call {
    std::int64_t at_us = 0;
    std::string via{};      // "http", "import"
    std::string source{};   // source id as far as it was known
    std::string reason{};
    std::string field{};
    std::string message{};
    std::string where{};    // "/v1/batch, item 3", "week.ndjson, line 17"
    std::string text{};     // the call as received, cut after 2 KiB
};

inline constexpr std::size_t refused_text_bytes_max = 2048;

// Loop thread only. The records are not durable: after a crash the last ones may be missing. They reach the disk with
// the next group that the acceptor writes; fill() is its companion.
class refusals {
public:
    // nudge: asks for a write soon.
    refusals(obs::metrics& metrics, std::size_t kept_per_space, std::function<void()> nudge)
        : metrics_(metrics), kept_(kept_per_space), nudge_(std::move(nudge))
    {
    }

    // last_sequence: what find_last_sequence() said of the store. Adding a space again is harmless.
    void add_space(std::uint32_t number, std::string id, std::uint64_t last_sequence);
    // Before metrics::drop() forgets the space's counters.
    void remove_space(std::uint32_t number);

    // Counts, and keeps the call for fill(); more than are kept on disk are not kept in memory either.
    void record(std::uint32_t space, core::refusal_reason reason, refused_call what);
    // No space can be told: a write key that nobody has, a request that is no request. Counted only.
    void count_unknown(std::string_view reason);

    void fill(store::batch& to);

private:
    struct space {
        std::string id{};
        std::uint64_t sequence = 0;  // of the last record that was made
        std::deque<std::string> waiting{};
        std::map<core::refusal_reason, std::uint64_t*> counters{};
        bool active = true;
    };
    std::uint64_t& counter(const std::string& space_id, std::string_view reason);

    obs::metrics& metrics_;
    std::size_t kept_;
    std::function<void()> nudge_;
    std::map<std::uint32_t, space> spaces_{};
};

// These read the store: workers only.
rt::outcome<std::uint64_t> find_last_sequence(store::store& in, std::uint32_t space);
// The newest first, at most `most`.
rt::outcome<std::vector<refused_call>> list_refusals(store::store& in, std::uint32_t space, std::size_t most);

// As stored: a JSON object. Bytes that are not UTF-8 become U+FFFD.
std::string encode_refused(const refused_call& what);

}  // namespace lakeferry::intake
