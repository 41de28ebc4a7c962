#include "sync/intake/sources.hpp"

namespace lakeferry::intake {

rt::outcome<std::shared_ptr<const source_table>> source_table::make(const std::vector<space>& spaces)
{
    auto out = std::make_shared<source_table>();
    for (const auto& one : spaces) {
        for (const auto& source : one.config->sources) {
            source_entry entry{one.number, one.config->id, source.id, source.name, source.enabled,
                               one.config->identity.traits_max, one.suppressed};
            const auto [at, fresh] = out->by_key_.try_emplace(source.write_key, std::move(entry));
            if (fresh) continue;
            rt::failure no;
            no.id = "intake.write_key_twice";
            no.detail = "the sources \"" + at->second.name + "\" of space " + at->second.space_id + " and \"" +
                        source.name + "\" of space " + one.config->id +
                        " have the same write key: give each source its own";
            return no;
        }
    }
    return std::shared_ptr<const source_table>(std::move(out));
}

const source_entry* source_table::find(std::string_view write_key) const noexcept
{
    const auto at = by_key_.find(write_key);
    return at == by_key_.end() ? nullptr : &at->second;
}

const source_entry* source_table::find_in(std::uint32_t space, std::string_view source) const noexcept
{
    const source_entry* by_name = nullptr;
    for (const auto& [key, entry] : by_key_) {
        if (entry.space != space) continue;
        if (entry.id == source) return &entry;
        if (entry.name == source) by_name = &entry;
    }
    return by_name;
}

}  // namespace lakeferry::intake
