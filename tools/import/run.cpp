#include "tools/import/run.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "storage/base/json.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/gone.h"
#include "tools/import/paused_replications.h"
#include "tools/import/worker.h"

namespace divan::import {
namespace {

// Of the batches that are read at the same time, together: what a store takes in at once is synced
// at once, and small documents weigh more in memory than their bytes.
constexpr std::size_t batched_documents = 40'000;
constexpr std::size_t batch_bytes = 8U << 20;
constexpr std::size_t locals_noted_at_once = 1000;
constexpr std::uint64_t documents_before_judging = 100;

bool matches(std::string_view pattern, std::string_view name) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == name;
    if (!name.starts_with(pattern.substr(0, star))) return false;
    const auto rest = pattern.substr(star + 1);
    for (auto at = star; at <= name.size(); ++at) {
        if (matches(rest, name.substr(at))) return true;
    }
    return false;
}

std::uint64_t size_of(const Document& document) {
    std::uint64_t bytes = 0;
    for (const auto& leaf : document.leaves) {
        bytes += leaf.json.size();
        for (const auto& attachment : leaf.attachments) bytes += attachment.stored_length;
    }
    return bytes;
}

class Run {
public:
    Run(Source& source, Target* target, Journal& journal, const RunOptions& options,
        Counters& counters, Rounds& rounds)
        : source_(source),
          target_(target),
          journal_(journal),
          options_(options),
          counters_(counters),
          rounds_(rounds) {
        if (!rounds.earlier) rounds.earlier = journal.earlier();
    }

    RunReport work() {
        const auto names = chosen(source_.names(), options_);
        report_.databases.resize(names.size());
        // Before there are threads: each then has its own.
        for (const auto& name : names) rounds_.databases[target_name(name, options_)];
        std::vector<std::thread> threads;
        const auto useful = std::max<std::size_t>(names.size(), 1);
        const auto jobs = std::clamp<std::size_t>(options_.jobs, 1, useful);
        batch_documents_ = std::max<std::size_t>(batched_documents / jobs, 1);
        for (std::size_t job = 0; job < jobs; ++job) {
            threads.emplace_back([&] {
                Worker writer;
                for (auto at = next_++; at < names.size() && !stop_; at = next_++) {
                    database(names[at], report_.databases[at], writer);
                }
            });
        }
        for (auto& thread : threads) thread.join();
        report_.too_many_failures = stop_;
        return std::move(report_);
    }

private:
    // One database on its way.
    struct Way {
        DatabaseReport& report;
        Rounds::Seen& seen;
        Worker& writer;  ///< Writes the batch before, while the next one is read.
        std::unique_ptr<TargetDatabase> target = nullptr;
        std::vector<Document> waiting = {};
        std::uint64_t waiting_bytes = 0;
        std::chrono::steady_clock::time_point waiting_since = {};  ///< The first of those waiting.
        Position position = {};
        TellFailure failed = {};
        bool leaves_apart = false;            ///< A document may come again with its next leaf.
        std::set<std::string> carried = {};   ///< Then: what the target has from this run.
        std::mutex failing = {};

        ~Way() { writer.wait(); }
    };

    void database(const std::string& name, DatabaseReport& report, Worker& writer) {
        report.name = name;
        report.target = target_name(name, options_);
        try {
            carry(name, report, writer);
        } catch (const std::exception& error) {
            report.error = error.what();
            if (report.error.empty()) report.error = "refused";
            ++counters_.failures;
        }
        ++counters_.databases;
    }

    void carry(const std::string& name, DatabaseReport& report, Worker& writer) {
        Way way{report, rounds_.databases.at(report.target), writer};
        way.position = journal_.position(report.target);
        way.failed = [&](const Failure& failure) {
            const std::lock_guard lock(way.failing);
            ++report.failure_count;
            ++counters_.failures;
            if (report.failures.size() < DatabaseReport::failures_kept) {
                report.failures.push_back(failure);
            }
            journal_.note_failure(report.target, failure);
        };
        const bool again = way.position.finished;
        if (again && options_.follow == Follow::no) return;
        if (again) way.position.part = 0;
        std::unique_ptr<SourceDatabase> from;
        {
            const std::lock_guard lock(open_mutex_);
            from = source_.open(name);
            open_target(*from, way);
        }
        way.leaves_apart = !from->whole_documents();
        // Of a journal that knew other parts.
        if (way.position.part >= from->parts()) way.position = {};
        carry_purges(*from, way);
        if (way.target) way.target->take_over(from->former());
        const bool with_locals = !again || options_.follow == Follow::all;
        if (with_locals) from->hold_locals(way.failed);
        for (; way.position.part < from->parts(); ++way.position.part) {
            from->documents(
                way.position.part, way.position.after,
                [&](Document document) { add(std::move(document), way); }, way.failed);
            write_waiting(way);
            // Of a source with one part it says from where on to follow.
            if (from->parts() > 1) way.position.after.clear();
        }
        way.writer.finish();
        if (with_locals) {
            carry_locals(*from, way);
        }
        way.position.finished = true;
        if (!options_.dry_run) journal_.note_position(report.target, way.position);
    }

    void open_target(const SourceDatabase& from, Way& way) {
        if (options_.dry_run) return;
        auto info = from.info();
        info.name = way.report.target;
        if (!target_->exists(info.name)) {
            journal_.note_new_database(info.name);
            // What was there before was deleted, and all comes again.
            rounds_.earlier->settings.erase(info.name);
            way.seen = {};
            way.position = {};
        }
        way.report.made = journal_.is_new(info.name);
        way.target = target_->open(info);
        const auto settings = settings_text(info);
        if (way.seen.settings == settings) return;
        if (may_put_settings(way)) write_settings(info, way);
        way.seen.settings = settings;
    }

    // Of a database that was there, who may do what is its admins' business; and so it is where
    // they put something since a run did.
    bool may_put_settings(Way& way) const {
        const auto& noted = rounds_.earlier->settings;
        const auto last = noted.find(way.report.target);
        if (last == noted.end()) return way.report.made;
        return last->second == settings_text(way.target->info());
    }

    static std::string settings_text(const DatabaseInfo& info) {
        return fmt::format("{} {} {}", info.revs_limit, info.purged_infos_limit, info.security);
    }

    void write_settings(const DatabaseInfo& info, Way& way) {
        try {
            way.target->write_settings(info);
        } catch (const Refused& refused) {
            way.failed({"_security", refused.error().reason});
        }
        const auto settings = settings_text(way.target->info());
        auto& noted = rounds_.earlier->settings[info.name];
        if (noted == settings) return;
        noted = settings;
        journal_.note_settings(info.name, settings);
    }

    // Before the documents: what was purged and came back later must stay.
    void carry_purges(SourceDatabase& from, Way& way) {
        const bool made_earlier = rounds_.earlier->databases.contains(way.report.target);
        if (options_.dry_run || !(way.report.made || made_earlier)) return;
        const auto now = from.purge_sequence();
        if (now && now == way.seen.purges) return;
        const auto rows = new_purges(from, way);
        way.target->purge(rows);
        way.report.purges = rows.size();
        const bool begins = way.position.part == 0 && way.position.after.empty();
        if (!begins && !rows.empty()) read_again(from, rows, way);
        way.seen.purges = now;
    }

    // A revision that came back was maybe purged again: as often as the source says.
    static std::vector<MissingLeaves> new_purges(SourceDatabase& from, Way& way) {
        std::vector<Purge> purges;
        from.purges([&](Purge purge) { purges.push_back(std::move(purge)); }, way.failed);
        const auto there = way.target->purges();
        std::multiset<Purge> known(there.begin(), there.end());
        std::vector<MissingLeaves> rows;
        for (auto& one : purges) {
            if (const auto same = known.find(one); same != known.end()) {
                known.erase(same);
            } else {
                rows.push_back({std::move(one.id), std::move(one.revisions), true});
            }
        }
        return rows;
    }

    // What came back since with the same revision, which the target had until now, may be no change
    // that is still to come.
    void read_again(SourceDatabase& from, const std::vector<MissingLeaves>& purged, Way& way) {
        std::set<std::string> ids;
        for (const auto& one : purged) ids.insert(one.id);
        const auto add_there = [&](Document document) {
            document.marker = way.position.after;
            add(std::move(document), way);
        };
        from.documents_of(ids, add_there, way.failed);
        write_waiting(way);
    }

    void add(Document document, Way& way) {
        if (stop_) throw std::runtime_error("ended: too many failures");
        const auto bytes = size_of(document);
        ++way.report.documents;
        ++counters_.documents;
        counters_.bytes += bytes;
        way.report.bytes += bytes;
        for (const auto& leaf : document.leaves) {
            ++way.report.leaves;
            ++counters_.leaves;
            way.report.attachments += leaf.attachments.size();
            counters_.attachments += leaf.attachments.size();
        }
        const auto now = std::chrono::steady_clock::now();
        if (way.waiting.empty()) way.waiting_since = now;
        way.waiting_bytes += bytes;
        way.waiting.push_back(std::move(document));
        if (way.waiting.size() >= batch_documents_ || way.waiting_bytes >= batch_bytes ||
            now - way.waiting_since >= options_.waits_max) {
            write_waiting(way);
        }
    }

    void write_waiting(Way& way) {
        if (way.waiting.empty()) return;
        way.position.after = way.waiting.back().marker;
        auto documents = std::move(way.waiting);
        way.waiting.clear();
        way.waiting_bytes = 0;
        if (options_.dry_run) return;
        way.writer.start(std::packaged_task<void()>(
            [this, &way, position = way.position, batch = std::move(documents)]() mutable {
                write(way, std::move(batch), position);
            }));
    }

    void write(Way& way, std::vector<Document> documents, const Position& position) {
        auto missing = way.target->missing(documents);
        if (options_.on_conflict != OnConflict::keep_both) leave_out(documents, missing, way);
        journal_.note_created(way.report.target, missing);
        for (const auto& document : missing) {
            way.report.created += document.leaves.size();
            counters_.created += document.leaves.size();
        }
        if (is_replicator_database(way.report.name)) drop_outdated_pauses(documents, way);
        way.target->write(std::move(documents), way.failed);
        journal_.note_position(way.report.target, position);
        judge();
    }

    static void drop_outdated_pauses(const std::vector<Document>& documents, Way& way) {
        std::vector<std::string> ids;
        for (const auto& document : documents) ids.push_back(document.id);
        way.target->purge(outdated_pauses(documents, way.target->read(ids)));
    }

    // Documents that the target has with other revisions.
    void leave_out(std::vector<Document>& documents, std::vector<MissingLeaves>& missing,
                   Way& way) {
        std::set<std::string, std::less<>> taken;
        for (const auto& document : missing) {
            if (document.exists && !way.carried.contains(document.id)) taken.insert(document.id);
            if (!document.exists && way.leaves_apart) way.carried.insert(document.id);
        }
        way.report.skipped += taken.size();
        if (options_.on_conflict == OnConflict::fail) {
            for (const auto& id : taken) {
                way.failed({id, "the target has this document with other revisions"});
            }
        }
        std::erase_if(documents, [&](const auto& one) { return taken.contains(one.id); });
        std::erase_if(missing, [&](const auto& one) { return taken.contains(one.id); });
    }

    void carry_locals(SourceDatabase& from, Way& way) {
        GoneLocals gone;
        std::vector<Journal::BroughtLocal> brought;
        const auto note = [&] {
            journal_.note_brought_locals(way.report.target, brought);
            brought.clear();
        };
        const auto carry_one = [&](const LocalDocument& local) {
            ++way.report.locals;
            ++counters_.locals;
            if (options_.dry_run) return;
            gone.have(local.id);
            carry_local(local, way, brought);
            if (brought.size() >= locals_noted_at_once) note();
        };
        from.locals(carry_one, way.failed);
        note();
        if (!options_.dry_run && from.locals_whole()) remove_gone(gone, way);
    }

    // What a checkpoint says that the source no longer knows is not true any more. All else that
    // came with an import is for people to delete.
    void remove_gone(const GoneLocals& gone, Way& way) {
        auto& report = way.report;
        const auto remove = [&](const GoneLocals::Gone& one) {
            if (one.outdated_checkpoint) {
                journal_.note_removed(report.target, one.document);
                way.target->erase_local(one.document.id);
                ++report.checkpoints_removed;
                return;
            }
            ++report.locals_left_count;
            if (report.locals_left.size() < DatabaseReport::failures_kept) {
                report.locals_left.insert(one.document.id);
            }
        };
        const auto& head = journal_.head();
        gone.each(journal_.folder().parent_path(), head.source, head.target, report.target,
                  *way.target, remove);
    }

    void carry_local(const LocalDocument& local, Way& way,
                     std::vector<Journal::BroughtLocal>& brought) {
        // What came with an earlier run may be older now; what was written at the target is newer.
        const auto there = way.target->read_local(local.id);
        if (there && there->edits >= local.edits) return;
        if (!there) journal_.note_local(way.report.target, local.id);
        way.target->write_local(local);
        if (const auto now = way.target->read_local(local.id)) brought.push_back(as_brought(*now));
    }

    void judge() {
        const auto documents = counters_.documents.load();
        const auto allowed = options_.failures_max * static_cast<double>(documents);
        if (documents >= documents_before_judging &&
            static_cast<double>(counters_.failures.load()) > allowed) {
            stop_ = true;
        }
    }

    Source& source_;
    Target* target_;
    Journal& journal_;
    const RunOptions& options_;
    Counters& counters_;
    Rounds& rounds_;
    RunReport report_;
    std::size_t batch_documents_ = batched_documents;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> stop_{false};
    std::mutex open_mutex_;
};

}  // namespace

std::vector<std::string> chosen(const std::vector<std::string>& names, const RunOptions& options) {
    if (options.databases.empty()) return names;
    std::set<std::string> picked;
    for (const auto& pattern : options.databases) {
        bool found = false;
        for (const auto& name : names) {
            if (!matches(pattern, name)) continue;
            picked.insert(name);
            found = true;
        }
        if (!found) throw std::invalid_argument("no database of the source fits " + pattern);
    }
    return {picked.begin(), picked.end()};
}

bool is_chosen(const std::string& name, const RunOptions& options) {
    const auto& patterns = options.databases;
    return patterns.empty() ||
           std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches(pattern, name); });
}

std::string choice_of(const RunOptions& options) {
    auto patterns = options.databases;
    std::sort(patterns.begin(), patterns.end());
    std::string json = "{";
    if (!patterns.empty()) {
        json += R"("databases":)";
        append_json_strings(json, patterns);
    }
    std::string renamed;
    for (const auto& [from, to] : options.rename) {
        renamed += (renamed.empty() ? "" : ",") + json_string(from) + ":" + json_string(to);
    }
    if (!renamed.empty()) {
        json += std::string(json.size() > 1 ? "," : "") + R"("rename":{)" + renamed + "}";
    }
    return json + "}";
}

std::string target_name(const std::string& name, const RunOptions& options) {
    const auto renamed = options.rename.find(name);
    return renamed == options.rename.end() ? name : renamed->second;
}

RunReport run_import(Source& source, Target* target, Journal& journal, const RunOptions& options,
                     Counters& counters) {
    Rounds rounds;
    return run_import(source, target, journal, options, counters, rounds);
}

RunReport run_import(Source& source, Target* target, Journal& journal, const RunOptions& options,
                     Counters& counters, Rounds& rounds) {
    return Run(source, target, journal, options, counters, rounds).work();
}

}  // namespace divan::import
