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
    bool group_id = false;         // the groupId of a group call is an identifier, too
    bool fold_email_case = false;  // e-mails that differ by case are one identifier

    friend bool operator==(const identity_settings&, const identity_settings&) = default;
};

struct schedule_settings {
    std::optional<std::chrono::seconds> every{};  // at least one minute unless the daemon allows less
    std::string cron{};                           // five fields
    std::string timezone{"UTC"};

    friend bool operator==(const schedule_settings&, const schedule_settings&) = default;
};

// Selective sync: patterns with "*", "!" in front leaves out, the last that matches decides. What none matches follows
// the first pattern's opposite; an empty list selects everything.
struct select_settings {
    std::vector<std::string> tables{};   // "pages", "!debug_*"
    std::vector<std::string> columns{};  // "table.column": "!*.context_ip"

    friend bool operator==(const select_settings&, const select_settings&) = default;
};

struct profiles_sync_settings {
    std::string schema{};
    schedule_settings schedule{};
    bool materialized = true;
    bool use_volume = true;           // false: rows travel inside the statements
    std::string volume{"lakeferry"};  // staging volume, in the schema
    bool paused = false;
    bool optimize = true;  // OPTIMIZE tables whose small files pile up, while the warehouse is awake anyway
    select_settings select{};

    friend bool operator==(const profiles_sync_settings&, const profiles_sync_settings&) = default;
};

// Calls from a Kafka topic, besides or in place of those over HTTP.
struct kafka_settings {
    std::vector<std::string> brokers{};  // "host:port"; empty: no Kafka
    std::string topic{};
    std::string group{};          // consumer group; "lakeferry-<space id>" unless given
    std::string source{};         // id of the source that calls without a write key belong to
    std::string security{"plaintext"};  // plaintext, ssl, sasl_plaintext, sasl_ssl
    std::string mechanism{};            // of SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
    std::string username{};
    secret_ref password{};
    std::string ca_file{};

    friend bool operator==(const kafka_settings&, const kafka_settings&) = default;
};

struct space_config {
    std::string id{};    // the file's name
    std::string name{};
    databricks_settings databricks{};
    std::vector<source_settings> sources{};
    kafka_settings kafka{};
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
    std::uint64_t disk_free_min = 256ULL << 20;     // calls leave so much of the disk to the work that drains them
    std::size_t staged_file_bytes = 16U << 20;      // compressed, a file; in memory twice while it is sent
    std::size_t load_bytes_max = 256U << 20;        // uncompressed rows of one load of one table (a quarter
                                                    // for tables that are updated: their rows are folded in memory)
    std::size_t staging_memory = 64U << 20;         // all spaces together
    unsigned statements_per_warehouse = 8;
    unsigned statements_per_space = 4;

    friend bool operator==(const limits&, const limits&) = default;
};

}  // namespace lakeferry::core
