#include "sync/profiles/closing.hpp"

#include "net/rt/offload.hpp"
#include "sync/profiles/pending.hpp"
#include "sync/profiles/staging.hpp"

#include <utility>

namespace lakeferry::profiles {

rt::awaitable<rt::outcome<void>> closing::join(load& l, const core::table& t, std::string path)
{
    if (!run_.shape.takes_scripts()) co_return boost::system::in_place_value;
    auto more = co_await rt::offload_uncancellable(run_.with.workers, [this, &l, &t] {
        return rows_wait(run_.with.store, run_.space_number, t.number, l.last_batch + 1, run_.frozen);
    });
    if (more.has_error()) co_return more.error();
    if (*more) co_return boost::system::in_place_value;
    auto since = co_await rt::offload_uncancellable(run_.with.workers, [this, &l, &t] {
        return smallest(slice_reader::again(run_.with.store, run_.space_number, t, l.first_batch, l.last_batch),
                        since_column(t));
    });
    if (since.has_error()) co_return since.error();
    if (since->empty()) co_return boost::system::in_place_value;  // nothing to prune by: COPY INTO needs none
    auto words = co_await compose_(l);
    if (words.has_error()) co_return words.error();
    words_ = std::move(*words);
    owed_ = run_.owed.to_move();
    const auto& at = run_.shape.at();
    const auto label = run_.label(l.number);
    const append_source from{std::move(*since), std::move(path)};
    l.parts.front().sql = merge_rows(at, t, from, label);
    l.together = load_header(label, t.name) +
                 closing_script(merge_rows_part(at, t, from), count_rows(at, t, from),
                                fences_part(at, owed_.fences, words_.reports, words_.forget_before, words_.open));
    co_return boost::system::in_place_value;
}

bool closing::goes_alone(load& l, const rt::failure& why)
{
    const bool ended = l.statement_id.empty() && why.id.starts_with("statement.");
    if (l.together.empty() || !(run_.shape.note_if_no_scripts(why) || ended)) return false;
    run_.with.log.info("load.alone", "the report of the run does not travel with its last load: " + why.detail,
                       {{"space", run_.space}, {"table", l.table}, {"load", l.number}, {"err", why.id}});
    l.together.clear();
    return true;
}

rt::awaitable<rt::outcome<void>> closing::landed(const load& l)
{
    // Without an answer it is only known that the rows are there: the script may have ended behind their commit.
    if (l.together.empty() || !l.affected) co_return boost::system::in_place_value;
    words_.said = true;
    co_return co_await run_.owed.moved(std::exchange(owed_, {}).loads);
}

}  // namespace lakeferry::profiles
