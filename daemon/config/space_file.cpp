#include "daemon/config/space_file.hpp"

#include "daemon/config/reader.hpp"
#include "daemon/config/space_parts.hpp"

#include <algorithm>

namespace lakeferry::daemon {

bool is_space_id(std::string_view id) noexcept
{
    if (id.empty() || id.size() > 63 || id.front() == '-' || id.front() == '_') return false;
    return std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

parsed_space parse_space_file(std::string_view text, const std::string& file, const std::string& id,
                              bool allow_short_schedules, problems& out)
{
    parsed_space space;
    core::space_config& config = space.config;
    config.id = id;
    config.name = id;
    if (!is_space_id(id))
        out.push_back({.file = file,
                       .what = "the file's name is the space's id, and \"" + id + "\" is no valid one",
                       .cure = "rename it: up to 63 of a-z, 0-9, \"_\" and \"-\", beginning with a letter or digit"});
    const auto tree = parse_toml(text, file, out);
    if (!tree) return space;

    const document in{config_file::space, file, &out};
    const reader top(in, &*tree, "");
    top.text("name", config.name);
    if (config.name.empty()) top.complain("name", "is empty", "write a name or take the key out");
    space.lines.name = top.has("name") ? top.line_of("name") : 0;

    const reader databricks(in, top.table("databricks"), "databricks");
    read_databricks(databricks, config.databricks);
    space.lines.catalog = databricks.line_of("catalog");
    space.lines.client_secret = databricks.line_of("client_secret");
    space.lines.access_token = databricks.line_of("access_token");

    for (const auto* table : top.tables("sources")) {
        const reader source(in, table, "sources[]");
        config.sources.push_back(read_source(source, config.sources));
        space.lines.write_keys.push_back(source.line_of("write_key"));
    }
    const reader kafka(in, top.table("kafka"), "kafka");
    read_kafka(kafka, config, config.kafka);
    space.lines.kafka_password = kafka.line_of("password");
    space.lines.kafka_topic = kafka.line_of("topic");
    read_identity(reader(in, top.table("identity"), "identity"), config.identity);

    const reader sync(in, top.table("profiles_sync"), "profiles_sync");
    read_profiles_sync(sync, allow_short_schedules, config.profiles_sync);
    read_select(reader(in, sync.table("select"), "profiles_sync.select"), config.profiles_sync.materialized,
                config.profiles_sync.select);
    space.lines.schema = sync.line_of("schema");
    return space;
}

}  // namespace lakeferry::daemon
