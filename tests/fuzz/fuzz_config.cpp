// A configuration is text from a person: the parser never throws, never crashes, and says where it is wrong.
#include "daemon/config/daemon_file.hpp"
#include "daemon/config/space_file.hpp"
#include "daemon/config/units.hpp"
#include "daemon/config/url.hpp"
#include "daemon/schedule/cron.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace lakeferry::daemon;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    problems found;
    (void)parse_space_file(text, "/etc/lakeferry/spaces.d/acme.toml", "acme", false, found);
    (void)parse_daemon_file(text, "/etc/lakeferry/lakeferry.toml", found);
    for (const auto& one : found)
        if (one.file.empty() || one.what.empty()) std::abort();

    std::string why;
    if (const auto d = parse_duration(text); d && parse_duration(format_duration(*d)) != d) std::abort();
    if (const auto s = parse_size(text); s && parse_size(format_size(*s)) != s) std::abort();
    if (const auto rule = cron_rule::parse(text.substr(0, 200), why))
        if (rule->next_us(0, *find_zone("Europe/Berlin")) <= 0) std::abort();
    const auto address = parse_workspace_url(text, why);
    if (address && address->scheme == "http" && !is_loopback(address->host)) std::abort();
    (void)parse_listen(text);
    return 0;
}
