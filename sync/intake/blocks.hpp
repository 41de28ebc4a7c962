// Accepted calls on their way into blocks of the store, one block or more a space: of one request or chunk, and single
// calls of many requests.
#pragma once

#include "sync/core/event_block.hpp"
#include "sync/intake/acceptor.hpp"
#include "sync/intake/checker.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace lakeferry::intake {

// Where a block ends and the next one begins.
struct block_bounds {
    std::size_t calls = 4096;
    std::size_t bytes = std::size_t{1} << 20;  // of texts
};

// Collects calls; take() encodes them. Borrows the texts, the type, the envelope and the sources until then.
class block_builder {
public:
    block_builder(std::string_view type, block_bounds most) : type_(type), most_(most) {}

    // Calls that are added from now on were sent with this envelope (JSON text; empty: none).
    void set_envelope(std::string_view envelope) noexcept { envelope_ = envelope; }
    // Calls that are added from now on only fill this table (core::event_block::refill).
    void set_refill(std::string_view table) noexcept { refill_ = table; }
    // A suppressed call counts, and goes nowhere.
    void add(const passed_call& call, std::string_view text);
    std::size_t calls() const noexcept { return calls_; }
    std::vector<piece> take();

private:
    struct open_block {
        std::uint32_t space = 0;
        std::size_t bytes = 0;
        core::event_block block{};
    };
    void close(open_block& one);

    std::string_view type_;
    std::string_view envelope_{};
    std::string_view refill_{};
    block_bounds most_;
    std::size_t calls_ = 0;
    std::vector<open_block> open_{};
    std::vector<piece> done_{};
};

// Single calls of many requests: those of one space and type share a block. Keeps copies.
class shared_blocks {
public:
    struct block {
        std::uint32_t space = 0;
        core::event_block_writer calls;
    };
    explicit shared_blocks(block_bounds most = {}) : most_(most) {}

    void add(const single_call& call);
    const std::vector<block>& all() const noexcept { return all_; }

private:
    block_bounds most_;
    std::vector<block> all_{};
    std::map<std::pair<std::uint32_t, core::call_type>, std::size_t> open_{};  // index in all_
};

}  // namespace lakeferry::intake
