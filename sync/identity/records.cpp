#include "sync/identity/records.hpp"

#include "sync/core/ids.hpp"
#include "sync/core/keys.hpp"

namespace lakeferry::identity {

namespace {

constexpr char first_profile_version = 1;  // without the calls' types, sources and places
constexpr char profile_version = 2;
constexpr char traits_version = 1;

rt::failure damaged(const char* what)
{
    return {.retry = rt::retry_class::never,
            .id = "identity.damaged",
            .detail = std::string("a stored record of the identity graph is not whole: ") + what};
}

void append_number(std::string& to, std::uint64_t n)
{
    while (n >= 0x80) {
        to += static_cast<char>(n | 0x80U);
        n >>= 7U;
    }
    to += static_cast<char>(n);
}
void append_signed(std::string& to, std::int64_t n)
{
    const auto u = static_cast<std::uint64_t>(n);
    append_number(to, (u << 1U) ^ (n < 0 ? ~std::uint64_t{0} : 0));
}
void append_text(std::string& to, std::string_view text)
{
    append_number(to, text.size());
    to += text;
}
void append_id(std::string& to, const core::id128& id)
{
    for (const auto byte : id) to += static_cast<char>(byte);
}

// Reads in the order of writing; after the first thing that is not there everything is empty and ok() is false.
class cursor {
public:
    explicit cursor(std::string_view from) : from_(from) {}

    bool ok() const noexcept { return ok_; }
    bool at_end() const noexcept { return from_.empty(); }

    std::uint64_t number()
    {
        std::uint64_t n = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(take(1).empty() ? '\0' : last_.front());
            n |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0) return n;
        }
        ok_ = false;
        return 0;
    }
    std::int64_t signed_number()
    {
        const auto u = number();
        return static_cast<std::int64_t>((u >> 1U) ^ (~(u & 1U) + 1U));
    }
    std::string text() { return std::string(take(number())); }
    core::id128 id()
    {
        core::id128 out{};
        const auto bytes = take(out.size());
        if (bytes.size() == out.size()) std::memcpy(out.data(), bytes.data(), out.size());
        return out;
    }
    // A count of things that take at least `least` bytes each: never more than there can be.
    std::size_t count(std::size_t least)
    {
        const auto n = number();
        if (n > from_.size() / least) {
            ok_ = false;
            return 0;
        }
        return n;
    }
    char byte() { return take(1).empty() ? '\0' : last_.front(); }

private:
    std::string_view take(std::uint64_t bytes)
    {
        if (!ok_ || bytes > from_.size()) {
            ok_ = false;
            return last_ = {};
        }
        last_ = from_.substr(0, bytes);
        from_.remove_prefix(bytes);
        return last_;
    }

    std::string_view from_;
    std::string_view last_{};
    bool ok_ = true;
};

}  // namespace

core::id128 identifier_digest(std::string_view type, std::string_view value) { return core::digest128({type, value}); }

std::string identity_key(std::uint32_t space, char kind, const core::id128& id)
{
    std::string key;
    key.reserve(21);
    core::append_be32(key, space);
    key += kind;
    append_id(key, id);
    return key;
}

std::string id_bytes(const core::id128& id)
{
    std::string bytes;
    append_id(bytes, id);
    return bytes;
}

std::optional<core::id128> id_from(std::string_view bytes)
{
    core::id128 id{};
    if (bytes.size() != id.size()) return std::nullopt;
    std::memcpy(id.data(), bytes.data(), id.size());
    return id;
}

std::string segment_id(const profile_id& id) { return core::opaque_id("use_", id); }

std::optional<profile_id> profile_of(std::string_view segment)
{
    const auto id = core::opaque_value("use_", segment);
    return id && segment_id(*id) == segment ? id : std::nullopt;
}

namespace {

// Type of the call in the low bits, then whether an origin follows the source.
constexpr unsigned char no_call_type = 7;
constexpr unsigned char with_origin = 8;

void append_call(std::string& to, const held_identifier& held)
{
    const unsigned char type = held.call ? static_cast<unsigned char>(*held.call) : no_call_type;
    to += static_cast<char>(type | (held.origin ? with_origin : 0U));
    append_text(to, held.source);
    append_number(to, held.order);
    if (held.origin) append_id(to, *held.origin);
}

bool read_call(cursor& at, held_identifier& held)
{
    const auto flags = static_cast<unsigned char>(at.byte());
    const unsigned char type = flags & 7U;
    if (flags > (with_origin | 7U) || (type != no_call_type && type > static_cast<unsigned char>(core::call_type::alias)))
        return false;
    if (type != no_call_type) held.call = static_cast<core::call_type>(type);
    held.source = at.text();
    held.order = at.number();
    if ((flags & with_origin) != 0) held.origin = at.id();
    return true;
}

}  // namespace

std::string encode_profile(const profile& p)
{
    std::string to(1, profile_version);
    append_number(to, p.created);
    append_signed(to, p.created_us);
    append_signed(to, p.created_received_us);
    append_text(to, p.created_by);
    to += static_cast<char>(p.created_type);
    append_text(to, p.created_source);
    to += p.merged_into ? '\1' : '\0';
    if (p.merged_into) append_id(to, *p.merged_into);
    append_number(to, p.members.size());
    for (const auto& member : p.members) append_id(to, member);
    append_number(to, p.identifiers.size());
    for (const auto& held : p.identifiers) {
        append_text(to, held.type);
        append_text(to, held.value);
        append_signed(to, held.first_us);
        append_signed(to, held.received_us);
        append_text(to, held.message_id);
        append_call(to, held);
    }
    return to;
}

rt::outcome<profile> decode_profile(const profile_id& id, std::string_view stored)
{
    cursor at(stored);
    const char version = at.byte();
    if (version != profile_version && version != first_profile_version) return damaged("version of a profile");
    profile p;
    p.id = id;
    p.created = at.number();
    p.created_us = at.signed_number();
    p.created_received_us = at.signed_number();
    p.created_by = at.text();
    const auto type = static_cast<unsigned char>(at.byte());
    if (type > static_cast<unsigned char>(core::call_type::alias)) return damaged("type of the creating call");
    p.created_type = static_cast<core::call_type>(type);
    if (version != first_profile_version) p.created_source = at.text();
    if (at.byte() != '\0') p.merged_into = at.id();
    p.members.resize(at.count(16));
    for (auto& member : p.members) member = at.id();
    p.identifiers.resize(at.count(5));
    for (auto& held : p.identifiers) {
        held.type = at.text();
        held.value = at.text();
        held.first_us = at.signed_number();
        held.received_us = at.signed_number();
        held.message_id = at.text();
        if (version != first_profile_version && !read_call(at, held)) return damaged("the call of an identifier");
    }
    if (!at.ok() || !at.at_end()) return damaged("a profile");
    return p;
}

std::string encode_traits(const std::vector<trait>& traits)
{
    std::string to(1, traits_version);
    append_number(to, traits.size());
    for (const auto& t : traits) {
        append_text(to, t.name);
        append_signed(to, t.timestamp_us);
        append_number(to, t.order);
        append_number(to, t.place);
        append_signed(to, t.received_us);
        append_number(to, t.cells.size());
        for (const auto& c : t.cells) {
            append_text(to, c.column);
            to += static_cast<char>(c.kind);
            append_text(to, c.json);
            append_text(to, c.original);
        }
    }
    return to;
}

rt::outcome<std::vector<trait>> decode_traits(std::string_view stored)
{
    cursor at(stored);
    if (at.byte() != traits_version) return damaged("version of the traits of a profile");
    std::vector<trait> traits(at.count(6));
    for (auto& t : traits) {
        t.name = at.text();
        t.timestamp_us = at.signed_number();
        t.order = at.number();
        t.place = static_cast<std::uint32_t>(at.number());
        t.received_us = at.signed_number();
        t.cells.resize(at.count(4));
        for (auto& c : t.cells) {
            c.column = at.text();
            const auto kind = static_cast<unsigned char>(at.byte());
            if (kind > static_cast<unsigned char>(core::cell_kind::array)) return damaged("kind of a trait");
            c.kind = static_cast<core::cell_kind>(kind);
            c.json = at.text();
            c.original = at.text();
        }
    }
    if (!at.ok() || !at.at_end()) return damaged("the traits of a profile");
    return traits;
}

}  // namespace lakeferry::identity
