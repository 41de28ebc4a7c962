// One accepted connection: exchanges in order until one side wants no more.
#pragma once

#include "net/http/input.hpp"
#include "net/http/server.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <string>

namespace lakeferry::http {

// run() is the whole life of a connection. The server owns it and spawns run() with signal()'s slot; every
// other member is called by the server from the same loop while run() is suspended.
//
// Time limits cost nothing per read: run() only notes until when the present step may last, and the server's
// sweeper calls expire() on those that are late.
class server_connection {
public:
    enum class step { idle, head, body, handling, writing, leaving };

    // crowded: somebody waits for a place, so that an answered connection does not stay.
    server_connection(rt::time_source& clock, std::unique_ptr<stream> s, service& answers, const server_limits& limits,
                      const bool& crowded)
        : clock_(clock), stream_(std::move(s)), in_(*stream_), service_(answers), limits_(limits), crowded_(crowded)
    {
        enter(step::head, limits.head_timeout);
    }

    rt::awaitable<void> run();

    boost::asio::cancellation_signal& signal() noexcept { return signal_; }
    step now_in() const noexcept { return step_; }
    rt::time_point until() const noexcept { return until_; }
    rt::time_point since() const noexcept { return since_; }

    // The present step took too long: 408 where the peer still waits for an answer, else just the end.
    void expire();
    // No further exchange; an idle connection ends at once.
    void stop_soon();
    // The end, whatever is under way.
    void stop_now();

private:
    rt::awaitable<bool> one_exchange();
    rt::awaitable<bool> read_head(codec::request_parts& parts, std::unique_ptr<codec::chunked_body>& chunked);
    rt::awaitable<bool> receive(codec::request_parts& parts, codec::chunked_body* chunked);
    rt::awaitable<response> call(request what);
    rt::awaitable<bool> answer(const response& what, bool keep_alive);
    rt::awaitable<bool> refuse(response what);
    rt::awaitable<bool> refuse_malformed(unsigned status, std::string_view why);
    rt::awaitable<void> leave();
    void enter(step next, rt::duration limit) noexcept;
    bool over() const noexcept { return gone_ || expired_; }

    rt::time_source& clock_;
    std::unique_ptr<stream> stream_;
    input in_;
    service& service_;
    const server_limits& limits_;
    const bool& crowded_;
    boost::asio::cancellation_signal signal_{};
    std::string out_{};
    rt::time_point since_{};
    rt::time_point until_{};
    step step_ = step::head;
    bool http11_ = true;
    bool to_head_ = false;
    bool fresh_ = true;      // nothing was received yet
    bool last_ = false;      // the server stops: answer what is in hand, then leave
    bool expired_ = false;   // the sweeper ended the present step
    bool gone_ = false;      // no more bytes either way
    bool lingers_ = false;   // a refused body may still be coming
};

}  // namespace lakeferry::http
