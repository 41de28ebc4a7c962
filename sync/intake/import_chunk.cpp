#include "sync/intake/import_chunk.hpp"

#include "sync/intake/blocks.hpp"
#include "sync/intake/refusals.hpp"

namespace lakeferry::intake {
namespace {

// Blocks are what identity resolution takes at least at once: not too large.
constexpr block_bounds bounds{1000, std::size_t{1} << 20};

class chunk_reader {
public:
    chunk_reader(const import_progress& before, const check_options& with) : with_(with)
    {
        out_.after = before;
        blocks_.set_refill(with.refill);
    }

    void line(std::string_view raw, std::size_t bytes)
    {
        out_.after.offset += bytes;
        ++out_.after.lines;
        const std::string_view text = core::trim_json_space(raw);
        if (text.empty()) return;
        auto checked = checker_.check(text, with_);
        if (const auto* passed = std::get_if<passed_call>(&checked)) {
            blocks_.add(*passed, text);
            ++out_.after.accepted;
        } else {
            refuse(std::move(std::get<refused_text>(checked).why), text);
        }
    }

    // The beginning of a line that is too long to be a call.
    void long_line(std::string_view begun)
    {
        ++out_.after.lines;
        out_.after.offset += begun.size();
        out_.after.inside_line = true;
        refuse({core::refusal_reason::too_large, "",
                "the line is longer than the " + std::to_string(with_.bytes_max) + " bytes that a call may have"},
               begun);
    }

    // The rest of such a line; false: it does not end here.
    bool skip_rest(std::string_view& bytes)
    {
        const std::size_t end = bytes.find('\n');
        const std::size_t skipped = end == std::string_view::npos ? bytes.size() : end + 1;
        out_.after.offset += skipped;
        out_.after.inside_line = end == std::string_view::npos;
        bytes.remove_prefix(skipped);
        return !out_.after.inside_line;
    }

    std::size_t refused() const noexcept { return out_.refused.size(); }

    chunk_plan take()
    {
        out_.pieces = blocks_.take();
        return std::move(out_);
    }

private:
    void refuse(core::refusal why, std::string_view text)
    {
        ++out_.after.refused;
        out_.refused.push_back({out_.after.lines, std::move(why), std::string(text.substr(0, refused_text_bytes_max))});
    }

    const check_options& with_;
    call_checker checker_{};
    block_builder blocks_{"", bounds};
    chunk_plan out_{};
};

}  // namespace

chunk_plan read_chunk(std::string_view bytes, const import_progress& before, bool last, const check_options& with,
                      std::size_t refused_max)
{
    chunk_reader reader(before, with);
    if (before.inside_line && !reader.skip_rest(bytes)) return reader.take();
    while (reader.refused() < refused_max) {
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) break;
        reader.line(bytes.substr(0, end), end + 1);
        bytes.remove_prefix(end + 1);
    }
    if (bytes.empty() || reader.refused() >= refused_max) return reader.take();
    // Twice the bound, for the space around a call that does not count.
    if (last)
        reader.line(bytes, bytes.size());
    else if (bytes.size() > 2 * with.bytes_max)
        reader.long_line(bytes);
    return reader.take();
}

}  // namespace lakeferry::intake
