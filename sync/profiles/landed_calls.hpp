// Calls as they stand in a space's event tables, turned back into calls: as much of them as identity rules look at. Pure.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/statement_messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::profiles {

// What the tables cannot tell is told to people: "pages has no column context_device_id" changes what is found.
struct landed_query {
    std::string text{};                  // one SELECT over all event tables, in the order of arrival
    std::vector<std::string> tables{};   // that it reads
    std::vector<std::string> missing{};  // tables of calls that are not there
};

// The tables of calls and, where a configured identifier's key is a property of tracks, the tables of those events. Both
// rules' keys are asked for. The order is received_at, then timestamp, then id: tables do not keep the exact one. Failure
// "preview.nothing_landed" (never): no table of calls is there.
rt::outcome<landed_query> query_landed(const std::vector<databricks::table_info>& tables, const std::string& catalog,
                                       const std::string& schema, const core::identity_settings& current,
                                       const core::identity_settings& changed);

struct landed_call {
    std::string source{};
    std::int64_t received_us = 0;
    std::string text{};  // JSON, as intake takes it
};

// A row of that query. nullopt: it is none (a table that something else wrote).
std::optional<landed_call> read_landed(const databricks::result_row& row);

}  // namespace lakeferry::profiles
