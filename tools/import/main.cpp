#include <malloc.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include "tools/import/ends.h"
#include "tools/import/gone.h"
#include "tools/import/live/running_settings.h"
#include "tools/import/report.h"
#include "tools/import/run.h"
#include "tools/import/verify.h"

// Exit codes: 0 all is well; 1 something failed or differs; 2 it could not be done at all.
namespace {

using namespace divan::import;

struct Arguments {
    std::string source, target, id;
    std::string journals = "divan-imports";
    std::vector<std::string> renames;
    std::string on_conflict = "keep-both";
    std::string failures_max = "50%";
    bool json = false;
    bool take_identity = false;
    bool continuous = false;
    bool anew = false;
    Reach reach;
    std::vector<std::string> config;
    RunOptions run;
};

double share_of(const std::string& text) {
    std::size_t end = 0;
    const double value = std::stod(text, &end);
    const bool percent = text.substr(end) == "%";
    if (!percent && end != text.size()) throw std::invalid_argument("--max-failures: " + text);
    return percent ? value / 100 : value;
}

RunOptions options_of(const Arguments& arguments) {
    auto options = arguments.run;
    for (const auto& rename : arguments.renames) {
        const auto equals = rename.find('=');
        if (equals == std::string::npos) throw std::invalid_argument("--rename wants OLD=NEW");
        options.rename[rename.substr(0, equals)] = rename.substr(equals + 1);
    }
    options.failures_max = share_of(arguments.failures_max);
    if (arguments.on_conflict == "skip") options.on_conflict = OnConflict::skip;
    if (arguments.on_conflict == "fail") options.on_conflict = OnConflict::fail;
    return options;
}

std::vector<Journal::Brought> gone(Source& source, const Arguments& arguments,
                                   const RunOptions& options) {
    const auto brought = Journal::brought(arguments.journals, shown(arguments.source));
    return gone_databases(brought, source.names(), options);
}

int plan(const Arguments& arguments) {
    const auto opened = open_source_end(arguments.source, arguments.reach, arguments.config);
    const auto& source = opened.source;
    std::vector<Inventory> databases;
    for (const auto& name : chosen(source->names(), arguments.run)) {
        databases.push_back(take_inventory(*source->open(name)));
    }
    auto remarks = opened.remarks;
    for (const auto& one : gone(*source, arguments, arguments.run)) {
        remarks.push_back(fmt::format("{}: the source no longer has it; import {} brought it to "
                                      "{}, where it stays until you delete it",
                                      one.database, one.run, one.target));
    }
    const auto settings = settings_preview(opened.settings, arguments.take_identity);
    const auto text = arguments.json ? plan_json(databases, remarks, settings) + "\n"
                                     : plan_text(databases, remarks, settings);
    std::cout << text;
    return 0;
}

Journal journal_for(const Arguments& arguments, const RunOptions& options) {
    const auto source = shown(arguments.source);
    const auto target = shown(arguments.target);
    const auto choice = choice_of(options);
    const auto before = arguments.anew ? std::nullopt
                                       : Journal::unfinished(arguments.journals, source, target);
    if (!before) return Journal::begin(arguments.journals, source, target, choice);
    auto journal = Journal::reopen(arguments.journals, *before);
    if (journal.head().choice != choice) {
        throw std::invalid_argument(fmt::format(
            "import {} of the same source did not finish, and it was told {}, not {}. Give the "
            "same --databases and --rename to go on with it, or --new to leave it as it is and "
            "begin another one; `rollback {}` takes back what it made.",
            *before, journal.head().choice, choice, *before));
    }
    std::cerr << "going on with import " << *before << "\n";
    return journal;
}

RunReport run_shown(Source& source, Target* target, Journal& journal, const RunOptions& options,
                    Rounds& rounds) {
    Counters counters;
    const ProgressDisplay display(counters, chosen(source.names(), options).size());
    return run_import(source, target, journal, options, counters, rounds);
}

volatile std::sig_atomic_t interrupted = 0;

// Until the cut-over, which an interrupt says: then once more, local documents too.
void follow(Source& source, Target& target, Journal& journal, RunOptions options,
            Rounds& rounds, RunReport& report) {
    constexpr int pauses = 20;
    constexpr std::chrono::milliseconds pause{100};
    std::signal(SIGINT, [](int) { interrupted = 1; });
    std::signal(SIGTERM, [](int) { interrupted = 1; });
    std::cerr << "following until it is interrupted (Ctrl-C)\n";
    while (options.follow != Follow::all) {
        for (int done = 0; done < pauses && interrupted == 0; ++done) {
            std::this_thread::sleep_for(pause);
        }
        options.follow = interrupted != 0 ? Follow::all : Follow::changes;
        Counters counters;
        auto round = run_import(source, &target, journal, options, counters, rounds);
        for (const auto& database : round.databases) {
            if (!database.error.empty()) {
                std::cerr << database.name << ": " << database.error << "\n";
            }
        }
        if (round.finished()) {
            std::cerr << fmt::format("caught up, {} new\n", round.created());
        }
        report.add(std::move(round));
    }
}

SettingsReport settle(const SourceSettings& settings, const Arguments& arguments,
                      const Journal& journal) {
    if (arguments.run.dry_run) return settings_preview(settings, arguments.take_identity);
    if (is_running_server(arguments.target)) {
        const auto server = reach_target(arguments.target, arguments.reach);
        return carry_settings(settings, *server, journal.folder());
    }
    return carry_settings(settings, arguments.target, journal.head().id, journal.folder(),
                          arguments.take_identity);
}

int run(const Arguments& arguments) {
    const auto options = options_of(arguments);
    if (arguments.take_identity && is_running_server(arguments.target)) {
        throw std::invalid_argument("--take-identity needs a stopped server's data folder");
    }
    const auto opened = open_source_end(arguments.source, arguments.reach, arguments.config);
    for (const auto& remark : opened.remarks) std::cerr << "note: " << remark << "\n";
    if (arguments.take_identity && opened.settings.identity.empty()) {
        throw std::invalid_argument(
            "--take-identity: no uuid and no secret are known of the source; --config names its "
            "local.ini");
    }
    const auto target =
        options.dry_run ? nullptr : open_target_end(arguments.target, arguments.reach);
    auto journal = journal_for(arguments, options);
    Rounds rounds;
    auto report = run_shown(*opened.source, target.get(), journal, options, rounds);
    report.settings = settle(opened.settings, arguments, journal);
    if (arguments.continuous && !options.dry_run && !report.too_many_failures) {
        follow(*opened.source, *target, journal, options, rounds, report);
    }
    if (target) {
        report.left_databases = left_at(*target, journal.head().target,
                                        gone(*opened.source, arguments, options));
    }
    journal.set_state(report.finished() ? "finished" : "failed");
    const auto text = run_text(journal.head(), report);
    journal.write_report(run_json(journal.head(), report), text);
    std::cout << (arguments.json ? run_json(journal.head(), report) + "\n" : text);
    return report.finished() && report.failures() == 0 ? 0 : 1;
}

// Of those that imports brought.
std::vector<std::string> left_locals(SourceDatabase& from, TargetDatabase& to,
                                     const std::string& database, const Arguments& arguments) {
    GoneLocals gone;
    from.locals([&](const LocalDocument& local) { gone.have(local.id); }, [](const Failure&) {});
    std::vector<std::string> left;
    if (!from.locals_whole()) return left;
    gone.each(arguments.journals, shown(arguments.source), shown(arguments.target), database, to,
              [&](const GoneLocals::Gone& one) { left.push_back(one.document.id); });
    return left;
}

int verify(const Arguments& arguments) {
    const auto options = options_of(arguments);
    const auto source = open_source_end(arguments.source, arguments.reach, {}).source;
    const auto target = open_target_end(arguments.target, arguments.reach);
    std::uint64_t differences = 0;
    for (const auto& name : chosen(source->names(), options)) {
        const auto there = target_name(name, options);
        if (!target->exists(there)) {
            std::cout << there << ": is missing\n";
            ++differences;
            continue;
        }
        const auto from = source->open(name);
        const auto to = target->open_existing(there);
        const auto tell = [](const Difference& one) {
            std::cout << one.database << ": " << one.what << ": " << one.how << "\n";
        };
        auto verified = verify_database(*from, *to, tell);
        for (const auto& id : left_locals(*from, *to, there, arguments)) {
            tell({there, id, "the source no longer has it"});
            ++verified.differences;
        }
        std::cout << fmt::format(
            "{}: {} documents, {} leaves, {} attachments, {} local documents, {} differences\n",
            there, verified.documents, verified.leaves, verified.attachments, verified.locals,
            verified.differences);
        differences += verified.differences;
    }
    const auto target_shown = shown(arguments.target);
    for (const auto& name : left_at(*target, target_shown, gone(*source, arguments, options))) {
        std::cout << name << ": the source no longer has this database\n";
        ++differences;
    }
    return differences == 0 ? 0 : 1;
}

int rollback(const Arguments& arguments) {
    auto journal = Journal::reopen(arguments.journals, arguments.id);
    const auto& noted = journal.head().target;
    // A journal has no passwords in it: they are given again.
    const auto where = arguments.target.empty() ? noted : arguments.target;
    if (shown(where) != noted) throw std::invalid_argument("that run went to " + noted);
    const auto target = open_target_end(where, arguments.reach);
    std::cout << fmt::format("{} leaves taken away\n", roll_back(*target, journal));
    if (is_running_server(where)) {
        undo_settings(*reach_target(where, arguments.reach), journal.folder());
    } else {
        undo_settings(where, journal.head().id, journal.folder());
    }
    return 0;
}

int status(const Arguments& arguments) {
    for (const auto& head : Journal::list(arguments.journals)) {
        std::cout << fmt::format("{}  {:<12} {} -> {}\n", head.id, head.state, head.source,
                                 head.target);
    }
    return 0;
}

// Batch after batch is made and given back. Memory that the allocator keeps meanwhile need not be
// asked for again, page by page; and large pieces lie among the others, so that none is kept twice.
void prepare_memory() {
    constexpr int kept_bytes = 4 << 20;
    constexpr int large_bytes = 32 << 20;
    ::mallopt(M_TOP_PAD, kept_bytes);
    ::mallopt(M_MMAP_THRESHOLD, large_bytes);
}

void add_source(CLI::App* command, Arguments& arguments) {
    command
        ->add_option("source", arguments.source,
                     "A CouchDB data folder, a .couch file, a backup or a folder of them, or the "
                     "URL of a running server or database")
        ->required();
    command->add_option("--header", arguments.reach.headers,
                        "NAME: VALUE, sent to the source with every request");
    command->add_option("--databases", arguments.run.databases,
                        "Names or patterns with *; all without this")
        ->delimiter(',');
}

void add_settings(CLI::App* command, Arguments& arguments) {
    command->add_option("--config", arguments.config,
                        "CouchDB's local.ini, or a folder of such; else those beside the data");
    command->add_flag("--take-identity", arguments.take_identity,
                      "Take over the server's uuid and cookie secret");
}

void add_target(CLI::App* command, Arguments& arguments) {
    command
        ->add_option("--to", arguments.target,
                     "The data folder of a stopped Divan, or the URL of a running one")
        ->required();
    command->add_option("--rename", arguments.renames, "OLD=NEW");
}

}  // namespace

int main(int argc, char** argv) {
    prepare_memory();
    CLI::App app("Brings databases of CouchDB into Divan.", "divan-import");
    app.require_subcommand(1);
    Arguments arguments;
    arguments.run.jobs = std::max(1U, std::thread::hardware_concurrency());
    app.add_flag("--insecure", arguments.reach.insecure, "Do not look at certificates");
    app.add_option("--journals", arguments.journals, "Where runs keep their journals");

    auto* plan_command = app.add_subcommand("plan", "Says what the source holds");
    add_source(plan_command, arguments);
    add_settings(plan_command, arguments);
    plan_command->add_flag("--json", arguments.json);
    auto* run_command = app.add_subcommand("run", "Imports; goes on where a killed run was");
    add_source(run_command, arguments);
    add_target(run_command, arguments);
    add_settings(run_command, arguments);
    run_command->add_flag("--json", arguments.json);
    run_command->add_flag("--dry-run", arguments.run.dry_run, "Reads all, writes nothing");
    run_command->add_flag("--continuous", arguments.continuous,
                          "Follows a running server until it is interrupted");
    run_command->add_flag("--new", arguments.anew, "Does not go on with a run that was killed");
    run_command->add_option("--jobs", arguments.run.jobs, "Databases at a time");
    run_command->add_option("--on-conflict", arguments.on_conflict)
        ->check(CLI::IsMember({"keep-both", "skip", "fail"}));
    run_command->add_option("--max-failures", arguments.failures_max,
                            "Share of documents that may fail, as 50% or 0.5");
    auto* verify_command = app.add_subcommand("verify", "Compares source and target");
    add_source(verify_command, arguments);
    add_target(verify_command, arguments);
    auto* rollback_command = app.add_subcommand("rollback", "Removes what a run created");
    rollback_command->add_option("id", arguments.id)->required();
    rollback_command->add_option("--to", arguments.target,
                                 "The target's URL again, with user and password");
    auto* status_command = app.add_subcommand("status", "Lists the runs");
    CLI11_PARSE(app, argc, argv);

    try {
        if (*plan_command) return plan(arguments);
        if (*run_command) return run(arguments);
        if (*verify_command) return verify(arguments);
        if (*rollback_command) return rollback(arguments);
        if (*status_command) return status(arguments);
    } catch (const std::exception& error) {
        std::cerr << "divan-import: " << error.what() << "\n";
    }
    return 2;
}
