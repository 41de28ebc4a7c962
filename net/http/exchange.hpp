// One request and its answer on an open connection. Internal to net/http.
#pragma once

#include "net/http/input.hpp"

#include <string>

namespace lakeferry::http {

// How an exchange ended, and how far it came before.
struct exchange_end {
    enum class kind { complete, cut, malformed, too_large };
    kind how = kind::cut;
    std::string why{};
    response answer{};
    bool reusable = false;
};

// answer_begun is set at the first byte of the answer, and stays readable when the exchange is cancelled.
rt::awaitable<exchange_end> run_exchange(stream& on, input& in, const origin& to, const request& what,
                                         std::size_t response_limit, bool& answer_begun);

}  // namespace lakeferry::http
