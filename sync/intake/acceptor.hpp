// Group commit of accepted calls: what is accepted is on disk before anybody is told so.
#pragma once

#include "net/obs/log.hpp"
#include "net/obs/metrics.hpp"
#include "net/rt/event.hpp"
#include "net/rt/failure.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::core {
enum class call_type : std::uint8_t;
}

namespace lakeferry::intake {

// One encoded event block.
struct piece {
    std::uint32_t space = 0;
    std::uint32_t calls = 0;
    std::string block{};
};

// One call of a request of its own, without an envelope.
struct single_call {
    std::uint32_t space = 0;
    core::call_type type{};
    std::string_view source{};  // its id
    std::int64_t received_us = 0;
    std::string_view text{};
};

// A record that must be written together with pieces (the progress of an import).
struct side_record {
    store::family where = store::family::meta;
    std::string key{};
    std::string value{};
};

struct acceptor_settings {
    std::size_t bytes_in_flight_max = std::size_t{64} << 20;
    std::uint64_t backlog_bytes_max = std::uint64_t{20} << 30;
    std::uint64_t disk_free_min = std::uint64_t{256} << 20;  // what calls leave to the work that drains them
    std::size_t group_bytes_max = std::size_t{8} << 20;  // one write; more waits for the next
    std::uint64_t measure_every_bytes = std::uint64_t{32} << 20;
    rt::duration retry_after = std::chrono::seconds(5);  // what is told to clients when the disk is full
};

// Callers append blocks or single calls and wait; one committer takes all that waits, gives each block the next arrival
// number of its space, writes one durable batch on a worker and wakes everybody whose calls are in it. Single calls of
// one space and type that are written together share a block.
// Owner: the daemon. Loop thread only. All references outlive it; run() must be spawned once, and commit() must not be
// called after run() has returned and this object is gone. A waiter that is cancelled leaves its blocks in the line.
class acceptor {
public:
    // Called on the loop after new events of the space are on disk.
    using wake = std::function<void(std::uint32_t space)>;
    // Called on the loop when a group is made; adds what may be written along, without being waited for.
    using companion = std::function<void(store::batch&)>;

    acceptor(boost::asio::any_io_executor loop, boost::asio::any_io_executor workers, rt::time_source& clock,
             store::store& into, obs::metrics& metrics, obs::log& log, acceptor_settings settings, wake on_events);
    acceptor(const acceptor&) = delete;
    acceptor& operator=(const acceptor&) = delete;

    // Finds the last arrival number of the space. Fails as the store does. Adding a space again is harmless.
    rt::awaitable<rt::outcome<void>> add_space(std::uint32_t number, std::string id);
    // Blocks that wait already are written still. Before metrics::drop() forgets the space's counters.
    void remove_space(std::uint32_t number);

    // Whether so many bytes more may come in now, beside others that are on their way here. A lone request always may,
    // whatever its size. The failures, all with retry_after: "intake.busy" (throttled: too
    // many bytes under way), "intake.backlog_full", "intake.disk_full", "intake.stopping" (transient).
    std::optional<rt::failure> refuses(std::size_t more_bytes, std::size_t on_their_way = 0) const;

    // Returns when everything is on disk, or nothing of it is promised: the failures of refuses(), those of the store,
    // "intake.space_gone" (transient: the space was removed meanwhile).
    rt::awaitable<rt::outcome<void>> commit(std::vector<piece> pieces, std::vector<side_record> also = {});
    // The same for one call. What it borrows is copied when the awaiting begins, and must live until then.
    rt::awaitable<rt::outcome<void>> commit_call(single_call one);
    // Has the companion written soon, even if nothing else comes.
    void nudge();
    void set_companion(companion also) { companion_ = std::move(also); }

    // The committer. Ends when it is cancelled (total or terminal), after everything that waits was written.
    rt::awaitable<void> run();

    std::size_t bytes_in_flight() const noexcept { return bytes_in_flight_; }
    std::uint64_t backlog_bytes() const noexcept { return backlog_bytes_; }

private:
    struct group;
    struct space {
        std::string id{};
        std::uint64_t next = 1;
        bool active = true;
        std::uint64_t* calls = nullptr;
    };
    // What the store holds of calls and rows, and what its disk has left.
    struct room {
        std::uint64_t backlog = 0;
        std::optional<std::uint64_t> free{};
    };
    struct written {
        rt::outcome<void> result{};
        std::optional<room> measured{};
    };

    room measure(store::store& in) const;
    std::optional<rt::failure> too_full(const room& now) const;  // reads settings only: also on workers
    void note_room(group& one, const room& now);
    void refuse(const rt::failure& why);
    rt::outcome<void> admits(std::uint32_t number) const;
    const std::shared_ptr<group>& open_group();
    void grow(group& mine, std::size_t bytes);
    rt::awaitable<void> write_group(std::shared_ptr<group> one);
    void finish(group& one, const written& how);
    void note_failure(const rt::failure& why);
    rt::failure full(const char* id, std::string detail) const;

    boost::asio::any_io_executor loop_;
    boost::asio::any_io_executor workers_;
    rt::time_source& clock_;
    store::store& store_;
    obs::metrics& metrics_;
    obs::log& log_;
    acceptor_settings settings_;
    wake on_events_;
    companion companion_{};
    rt::event work_;
    std::map<std::uint32_t, space> spaces_{};
    std::deque<std::shared_ptr<group>> waiting_{};
    std::size_t bytes_in_flight_ = 0;
    std::uint64_t backlog_bytes_ = 0;
    std::uint64_t unmeasured_bytes_ = 0;
    std::optional<rt::failure> full_{};  // what the last measurement found
    bool measured_ = false;
    bool nudged_ = false;
    bool stopping_ = false;
    std::optional<rt::failure> refusing_{};  // until refusing_until_
    rt::time_point refusing_until_{};
    std::uint64_t& commits_;
    std::uint64_t& commit_failures_;
    std::uint64_t& bytes_;
};

}  // namespace lakeferry::intake
