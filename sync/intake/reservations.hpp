// How many bytes of bodies are being read: announced when a request is admitted, given back when its body is there.
#pragma once

#include "net/rt/time.hpp"

#include <cstddef>
#include <list>
#include <unordered_map>

namespace lakeferry::intake {

// A request whose connection breaks while its body arrives never comes back; its reservation ends by itself, after
// the time in which a body must have arrived. Reservations of one size stand for each other. Loop thread only.
class body_reservations {
public:
    explicit body_reservations(rt::duration body_timeout) : timeout_(body_timeout) {}

    std::size_t bytes() const noexcept { return bytes_; }

    void expire(rt::time_point now)
    {
        while (!in_order_.empty() && in_order_.front().ends <= now) {
            const auto oldest = in_order_.begin();
            auto [at, end] = by_size_.equal_range(oldest->bytes);
            while (at != end && at->second != oldest) ++at;
            if (at != end) by_size_.erase(at);
            bytes_ -= oldest->bytes;
            in_order_.erase(oldest);
        }
    }

    void add(std::size_t bytes, rt::time_point now)
    {
        if (bytes == 0) return;
        const auto at = in_order_.insert(in_order_.end(), {now + timeout_, bytes});
        by_size_.emplace(bytes, at);
        bytes_ += bytes;
    }

    void give_back(std::size_t bytes)
    {
        const auto at = by_size_.find(bytes);
        if (at == by_size_.end()) return;
        bytes_ -= bytes;
        in_order_.erase(at->second);
        by_size_.erase(at);
    }

private:
    struct entry {
        rt::time_point ends;
        std::size_t bytes;
    };
    rt::duration timeout_;
    std::list<entry> in_order_{};
    std::unordered_multimap<std::size_t, std::list<entry>::iterator> by_size_{};
    std::size_t bytes_ = 0;
};

}  // namespace lakeferry::intake
