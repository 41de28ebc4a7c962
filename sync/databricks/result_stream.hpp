// Large results, read piece by piece: a statement whose result lies in the cloud's storage and is fetched by links that
// live for some minutes. (Databricks' public docs: REST API, Statement Execution, "Fetch large results with external
// links".)
#pragma once

#include "net/http/client.hpp"
#include "sync/databricks/statements.hpp"

#include <cstdint>
#include <functional>

namespace lakeferry::databricks {

struct stream_options {
    rt::deadline limit{};
    // Before the first piece: how many rows there will be.
    std::function<void(std::uint64_t rows)> on_total{};
    // One row after the other; the cells live for the call only. A failure ends the reading and is handed on.
    std::function<rt::outcome<void>(const result_row& row)> on_row{};
};

// Runs a read and hands out its rows in order; one piece of the result (some MiB) is in memory at a time. `client` goes to
// the links' hosts, which get no token of ours. Failures: those of statements::submit, wait and workspace::call;
// "statement.link_refused" (transient): a link was refused, even a fresh one; "statement.link_unreachable" (transient): its
// host is not to be reached from here; "statement.bad_answer"; "statement.rows_missing" (transient): fewer or more rows came
// than were announced. Cancelling the caller leaves the statement to end by itself.
rt::awaitable<rt::outcome<void>> read_large(statements& with, http::client& client, statement what, stream_options options);

// For tests: a link's address as origin and target. nullopt: it is no https address (http: on loopback hosts only).
std::optional<std::pair<http::origin, std::string>> split_link(std::string_view link);

}  // namespace lakeferry::databricks
