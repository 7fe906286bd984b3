// Answers every request with its version and the process that gives the answer.
const string version = "v1";

var app = WebApplication.Create(args);
app.MapGet("/", () => $"{version} from process {Environment.ProcessId}\n");
app.Run();
