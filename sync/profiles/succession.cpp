#include "sync/profiles/succession.hpp"

#include "sync/core/space_state.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/profiles/record_fields.hpp"

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

std::string key_of(std::uint32_t space) { return core::space_meta_key(space, "succession"); }

}  // namespace

rt::outcome<std::optional<succession>> read_succession(store::store& in, std::uint32_t space)
{
    auto stored = in.get(store::family::meta, key_of(space));
    if (stored.has_error()) return stored.error();
    if (!stored->has_value()) return std::optional<succession>();
    auto read = read_record(**stored, {}, [](const json::object& o) {
        return succession{signed_of(o, "at_us"), text_of(o, "from")};
    });
    return std::optional(read.has_value() ? std::move(*read) : succession{0, "another state directory"});
}

rt::outcome<void> write_succession(store::store& in, std::uint32_t space, const succession& what)
{
    store::batch changes;
    const json::object record{{"at_us", what.at_us}, {"from", what.from}};
    changes.put(store::family::meta, key_of(space), json::serialize(record));
    return in.write(std::move(changes), store::durable::yes);
}

rt::outcome<void> end_succession(store::store& in, std::uint32_t space)
{
    store::batch changes;
    changes.remove(store::family::meta, key_of(space));
    return in.write(std::move(changes), store::durable::yes);
}

std::string other_profiles(const std::string& space)
{
    return "The profiles there were resolved in the other state directory: people whom this one has not seen get new "
           "profiles beside their old ones. To keep them one, stop both daemons and go on with a copy of the other state "
           "directory here, or import the history again (lakeferry import " +
           space + " FILE: the same calls make the same profiles)";
}

std::string in_words(const succession& what, const std::string& space)
{
    const std::string when = what.at_us == 0 ? "" : " on " + core::format_timestamp(what.at_us).substr(0, 19) + "Z";
    return "The schema was taken over" + when + " from " + what.from + ". " + other_profiles(space) +
           ". When that is settled: lakeferry takeover " + space + " --settled";
}

}  // namespace lakeferry::profiles
