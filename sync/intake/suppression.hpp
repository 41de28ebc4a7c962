// People whose calls are accepted, counted and dropped: they were erased, and asked not to come back.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/call.hpp"
#include "sync/core/erasure.hpp"
#include "sync/core/hash.hpp"
#include "sync/store/store.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace lakeferry::intake {

// What the store keeps in place of an identifier: half of a SHA-256, from which nothing can be read back.
core::id128 suppression_digest(const core::person_key& who);

// Digests of one space, sorted. Written on the loop, read by whoever checks calls: swapped as a whole.
class suppression_list {
public:
    bool empty() const noexcept { return size_.load(std::memory_order_relaxed) == 0; }
    std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    bool contains(const core::id128& digest) const;
    void add(std::span<const core::id128> more);
    void remove(std::span<const core::id128> some);

    // Calls dropped since the start.
    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
    void count() noexcept { dropped_.fetch_add(1, std::memory_order_relaxed); }

private:
    using digests = std::vector<core::id128>;
    void set(std::shared_ptr<const digests> next);

    std::atomic<std::shared_ptr<const digests>> all_{};
    std::atomic<std::size_t> size_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
};

// The list with the space's rules: which identifiers of a call say that it is the person's. Immutable, thread-safe.
class suppression {
public:
    // The identifiers of a call that decide.
    using deciding = std::function<std::vector<core::person_key>(const core::call&)>;

    suppression(std::shared_ptr<suppression_list> list, deciding by) : list_(std::move(list)), by_(std::move(by)) {}

    // Counts the call if so.
    bool drops(const core::call& call) const;

private:
    std::shared_ptr<suppression_list> list_;
    deciding by_;
};

// In the store's family meta: "suppressed/" and the digest, of the space. Blocking: workers only.
rt::outcome<std::vector<core::id128>> read_suppressed(store::store& in, std::uint32_t space);
void write_suppressed(store::batch& to, std::uint32_t space, std::span<const core::id128> digests);
void lift_suppressed(store::batch& to, std::uint32_t space, std::span<const core::id128> digests);

// Removes from the queue of unresolved events the calls that `drops`; how many. Blocking: workers only, while
// nothing is being resolved.
rt::outcome<std::uint64_t> drop_queued(store::store& in, std::uint32_t space, const suppression& who, store::batch& changes);

// Removes the kept copies of refused calls that name one of the people; how many.
rt::outcome<std::uint64_t> erase_refusals(store::store& in, std::uint32_t space, const core::people& who,
                                          store::batch& changes);

}  // namespace lakeferry::intake
