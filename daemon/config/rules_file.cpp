#include "daemon/config/rules_file.hpp"

#include "daemon/config/reader.hpp"
#include "daemon/config/space_parts.hpp"

namespace lakeferry::daemon {

std::optional<core::identity_settings> parse_rules_file(std::string_view text, const std::string& file, problems& out)
{
    const auto before = out.size();
    const auto tree = parse_toml(text, file, out);
    if (!tree) return std::nullopt;
    const document in{config_file::space, file, &out};
    const reader top(in, &*tree, "");
    if (!top.has("identity") && !top.has("databricks") && !top.has("profiles_sync"))
        out.push_back({.file = file,
                       .what = "holds no identity rules",
                       .cure = "write them as in a space's file: a table [identity], and [[identity.identifiers]]"});
    core::identity_settings rules;
    read_identity(reader(in, top.table("identity"), "identity"), rules);
    if (out.size() != before) return std::nullopt;
    return rules;
}

}  // namespace lakeferry::daemon
