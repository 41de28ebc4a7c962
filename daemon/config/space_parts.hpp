// The tables of a space's file, one function each. Used by space_file.cpp only.
#pragma once

#include "daemon/config/reader.hpp"
#include "sync/core/space_config.hpp"

#include <vector>

namespace lakeferry::daemon {

void read_databricks(const reader& from, core::databricks_settings& to);
// earlier: the sources before it, whose names and ids it must not repeat.
core::source_settings read_source(const reader& from, const std::vector<core::source_settings>& earlier);
void read_identity(const reader& from, core::identity_settings& to);
// space: its id and sources were read before.
void read_kafka(const reader& from, const core::space_config& space, core::kafka_settings& to);
void read_profiles_sync(const reader& from, bool allow_short_schedules, core::profiles_sync_settings& to);
// materialized: as read before.
void read_select(const reader& from, bool materialized, core::select_settings& to);

}  // namespace lakeferry::daemon
