// The body of /v1/batch: what it says once, and its items one by one.
#pragma once

#include "sync/core/call.hpp"
#include "sync/core/json.hpp"

#include <boost/json/object.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace lakeferry::intake {

// Why the whole batch is refused.
struct batch_refusal {
    unsigned status = 400;
    std::string code{};
    std::string field{};
    std::string message{};
};

// Views go into the body, pointers into the reader that read it.
struct batch_body {
    std::string_view items{};  // the array's text
    const boost::json::value* write_key = nullptr;  // absent or null: nullptr
    core::call_envelope envelope{};
    std::string stored_envelope{};  // JSON text of context, integrations, sentAt, as far as given; empty: none
};

// Checks everything but the items; they are split off without a look inside, so that a broken one harms nobody else.
std::variant<batch_body, batch_refusal> read_batch_body(std::string_view body, core::json_reader& reader);

}  // namespace lakeferry::intake
