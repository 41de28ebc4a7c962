// What a space is set up to do: the typed form of one file of spaces.d. Made and validated by daemon/config;
// immutable and shared, a space keeps the snapshot that it was started with.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::core {

// Where a secret stands; the secret itself is never part of a configuration.
struct secret_ref {
    enum class kind { none, credential, file };
    kind from = kind::none;
    std::string name{};  // of the systemd credential, or the path of the file

    friend bool operator==(const secret_ref&, const secret_ref&) = default;
};

struct databricks_settings {
    std::string workspace_url{};  // "https://dbc-1.cloud.databricks.com", without a trailing slash
    std::string http_path{};      // "/sql/1.0/warehouses/<id>"
    std::string warehouse_id{};   // its last segment
    std::uint16_t port = 443;
    std::string catalog{};
    std::string client_id{};
    secret_ref client_secret{};
    secret_ref access_token{};  // instead of client id and secret

    friend bool operator==(const databricks_settings&, const databricks_settings&) = default;
};

struct source_settings {
    std::string name{};
    std::string id{};    // event_source_id; the slug of the name unless given
    std::string slug{};
    std::string write_key{};
    bool enabled = true;

    friend bool operator==(const source_settings&, const source_settings&) = default;
};

struct identifier_rule {
    std::string type{};
    std::optional<unsigned> limit{};  // absent: the default of the type; 0: unlimited
    std::optional<unsigned> window_days{};
    std::vector<std::string> blocked{};
    std::vector<std::string> blocked_patterns{};
    std::vector<std::string> keys{};  // a custom identifier's keys

    friend bool operator==(const identifier_rule&, const identifier_rule&) = default;
};

struct identity_settings {
    std::vector<identifier_rule> identifiers{};  // in configured priority order; unlisted types follow by name
    std::vector<std::string> blocked{"-1", "null", "anonymous"};  // for all types
    std::vector<std::string> blocked_patterns{"^[0-]*$"};
    unsigned merges_max = 100;
    unsigned identifiers_max = 1000;
    unsigned dedupe_days = 30;
    unsigned traits_max = 300;  // this many top-level keys or more are refused

    friend bool operator==(const identity_settings&, const identity_settings&) = default;
};

struct schedule_settings {
    std::optional<std::chrono::seconds> every{};  // at least one minute unless the daemon allows less
    std::string cron{};                           // five fields
    std::string timezone{"UTC"};

    friend bool operator==(const schedule_settings&, const schedule_settings&) = default;
};

struct profiles_sync_settings {
    std::string schema{};
    schedule_settings schedule{};
    bool materialized = true;
    bool use_volume = true;           // false: rows travel inside the statements
    std::string volume{"lakeferry"};  // staging volume, in the schema
    bool paused = false;

    friend bool operator==(const profiles_sync_settings&, const profiles_sync_settings&) = default;
};

struct space_config {
    std::string id{};    // the file's name
    std::string name{};
    databricks_settings databricks{};
    std::vector<source_settings> sources{};
    identity_settings identity{};
    profiles_sync_settings profiles_sync{};

    friend bool operator==(const space_config&, const space_config&) = default;
};

// Bounds that the whole daemon shares; every one has a key in [limits] of lakeferry.toml.
struct limits {
    std::size_t call_bytes_max = 32U << 10;
    std::size_t batch_bytes_max = 512000;
    std::size_t batch_calls_max = 2500;
    std::size_t intake_bytes_in_flight_max = 64U << 20;
    std::uint64_t backlog_bytes_max = 20ULL << 30;  // unresolved events and unlanded rows on disk
    std::size_t staged_file_bytes = 16U << 20;      // compressed, a file; in memory twice while it is sent
    std::size_t load_bytes_max = 256U << 20;        // uncompressed rows of one load of one table (a quarter
                                                    // for tables that are updated: their rows are folded in memory)
    std::size_t staging_memory = 96U << 20;         // all spaces together
    unsigned statements_per_warehouse = 8;
    unsigned statements_per_space = 4;

    friend bool operator==(const limits&, const limits&) = default;
};

}  // namespace lakeferry::core
