// Accepted calls as they wait in the store's family `events`, between intake and identity resolution.
#pragma once

#include "net/rt/failure.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::core {

// Calls that were accepted together: a batch, single calls that came at about the same time, or one piece of an
// imported file. The texts are valid JSON objects that passed every check of acceptance but the one for duplicates.
struct accepted_call {
    std::string_view text{};       // the call's JSON object as received
    std::uint32_t source = 0;      // index into event_block::sources
    std::int64_t received_us = 0;  // microseconds since 1970
};

struct event_block {
    std::string_view type{};      // the call type of the path (/v1/track); empty: each text has its own "type"
    std::string_view envelope{};  // JSON object with the batch's context, integrations, sentAt; empty: none
    // Table of calls to fill: the calls were resolved before and only bring rows that this table lacks; empty: new calls.
    std::string_view refill{};
    std::vector<std::string_view> sources{};  // source ids
    std::vector<accepted_call> calls{};
};

// Views into `stored` stay valid as long as it does. "events.damaged" where it is not whole.
std::string encode_event_block(const event_block& block);
rt::outcome<event_block> decode_event_block(std::string_view stored);

// Writes a block call by call, as encode_event_block() would; neither envelope nor refill. Copies what it is given.
class event_block_writer {
public:
    explicit event_block_writer(std::string_view type) : type_(type) {}

    void add(std::string_view text, std::string_view source, std::int64_t received_us);
    std::size_t calls() const noexcept { return calls_; }
    std::size_t text_bytes() const noexcept { return texts_.size(); }
    std::string encode() const;

private:
    std::string type_;
    std::vector<std::string> sources_{};
    std::string lines_{};
    std::string texts_{};
    std::size_t calls_ = 0;
    std::int64_t before_us_ = 0;
};

// Key in family events: be32 space, be64 arrival number (one more with every block of the space, across restarts).
std::string event_key(std::uint32_t space, std::uint64_t arrival);

}  // namespace lakeferry::core
