#include "sync/core/event_block.hpp"

#include "sync/core/keys.hpp"

#include <algorithm>

namespace lakeferry::core {
namespace {

// version, type, envelope, sources, a line a call (length, source, received as a difference to the one before), then
// all texts in a row. Numbers are LEB128.
constexpr char version = 1;
// The same with the name of a table to fill after the version.
constexpr char version_refill = 2;

void put_number(std::string& to, std::uint64_t v)
{
    while (v >= 0x80) {
        to.push_back(static_cast<char>((v & 0x7FU) | 0x80U));
        v >>= 7U;
    }
    to.push_back(static_cast<char>(v));
}

void put_text(std::string& to, std::string_view text)
{
    put_number(to, text.size());
    to.append(text);
}

// Small numbers of either sign become small numbers.
std::uint64_t zigzag(std::uint64_t difference) noexcept
{
    return (difference << 1U) ^ (difference >> 63U != 0 ? ~std::uint64_t{0} : 0);
}
std::uint64_t unzigzag(std::uint64_t z) noexcept { return (z >> 1U) ^ ((z & 1U) != 0 ? ~std::uint64_t{0} : 0); }

template <class Text>
void put_sources(std::string& to, const std::vector<Text>& sources)
{
    put_number(to, sources.size());
    for (const auto& source : sources) put_text(to, source);
}

void put_line(std::string& to, std::size_t length, std::size_t source, std::int64_t received_us, std::int64_t before_us)
{
    put_number(to, length);
    put_number(to, source);
    put_number(to, zigzag(static_cast<std::uint64_t>(received_us) - static_cast<std::uint64_t>(before_us)));
}

class input {
public:
    explicit input(std::string_view text) noexcept : text_(text) {}

    bool ok() const noexcept { return ok_; }
    std::size_t left() const noexcept { return text_.size(); }

    std::uint64_t number() noexcept
    {
        std::uint64_t v = 0;
        for (unsigned shift = 0; shift < 64 && !text_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(text_.front());
            text_.remove_prefix(1);
            v |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) return v;
        }
        ok_ = false;
        return 0;
    }
    std::string_view bytes(std::uint64_t size) noexcept
    {
        if (size > text_.size()) {
            ok_ = false;
            return {};
        }
        const std::string_view out = text_.substr(0, static_cast<std::size_t>(size));
        text_.remove_prefix(out.size());
        return out;
    }
    std::string_view text() noexcept { return bytes(number()); }
    // A count of things that take at least one byte each.
    std::size_t count() noexcept
    {
        const std::uint64_t n = number();
        if (n > text_.size()) ok_ = false;
        return ok_ ? static_cast<std::size_t>(n) : 0;
    }

private:
    std::string_view text_;
    bool ok_ = true;
};

rt::failure damaged()
{
    rt::failure out;
    out.retry = rt::retry_class::never;
    out.id = "events.damaged";
    out.detail = "a stored block of accepted calls is not whole: restore the state directory from a backup";
    return out;
}

}  // namespace

std::string encode_event_block(const event_block& block)
{
    std::size_t bytes = 64 + block.type.size() + block.envelope.size() + 12 * block.calls.size();
    for (const auto& source : block.sources) bytes += source.size() + 2;
    for (const auto& call : block.calls) bytes += call.text.size();

    std::string out;
    out.reserve(bytes);
    out.push_back(block.refill.empty() ? version : version_refill);
    if (!block.refill.empty()) put_text(out, block.refill);
    put_text(out, block.type);
    put_text(out, block.envelope);
    put_sources(out, block.sources);
    put_number(out, block.calls.size());
    std::int64_t before_us = 0;
    for (const auto& call : block.calls) {
        put_line(out, call.text.size(), call.source, call.received_us, before_us);
        before_us = call.received_us;
    }
    for (const auto& call : block.calls) out.append(call.text);
    return out;
}

rt::outcome<event_block> decode_event_block(std::string_view stored)
{
    if (stored.empty() || (stored.front() != version && stored.front() != version_refill)) return damaged();
    input in(stored.substr(1));
    event_block out;
    if (stored.front() == version_refill) out.refill = in.text();
    out.type = in.text();
    out.envelope = in.text();
    for (std::size_t left = in.count(); left > 0 && in.ok(); --left) out.sources.push_back(in.text());
    const std::size_t calls = in.count();
    if (!in.ok()) return damaged();

    std::vector<std::uint64_t> lengths(calls);
    out.calls.resize(calls);
    std::uint64_t received = 0;
    for (std::size_t i = 0; i < calls && in.ok(); ++i) {
        lengths[i] = in.number();
        const std::uint64_t source = in.number();
        if (source >= out.sources.size()) return damaged();
        out.calls[i].source = static_cast<std::uint32_t>(source);
        received += unzigzag(in.number());
        out.calls[i].received_us = static_cast<std::int64_t>(received);
    }
    for (std::size_t i = 0; i < calls && in.ok(); ++i) out.calls[i].text = in.bytes(lengths[i]);
    if (!in.ok() || in.left() != 0) return damaged();
    return out;
}

void event_block_writer::add(std::string_view text, std::string_view source, std::int64_t received_us)
{
    const auto at = std::find(sources_.begin(), sources_.end(), source);
    const auto index = static_cast<std::size_t>(at - sources_.begin());
    if (at == sources_.end()) sources_.emplace_back(source);
    put_line(lines_, text.size(), index, received_us, before_us_);
    before_us_ = received_us;
    texts_.append(text);
    ++calls_;
}

std::string event_block_writer::encode() const
{
    std::size_t bytes = 64 + type_.size() + lines_.size() + texts_.size();
    for (const auto& source : sources_) bytes += source.size() + 2;
    std::string out;
    out.reserve(bytes);
    out.push_back(version);
    put_text(out, type_);
    put_text(out, {});
    put_sources(out, sources_);
    put_number(out, calls_);
    out.append(lines_).append(texts_);
    return out;
}

std::string event_key(std::uint32_t space, std::uint64_t arrival) { return key32_64(space, arrival); }

}  // namespace lakeferry::core
