import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './app/styles/tokens.css';
import './app/styles/base.css';
import './app/styles/controls.css';
import { loadConfiguration } from './api/configuration';
import { App } from './app/App';
import { loadLanguage } from './app/i18n/i18n';
import { Unavailable } from './app/Unavailable';
import { startWorker } from './app/worker';
import { openMessenger } from './realtime/adapter';
import { MessengerProvider } from './realtime/hooks';
import { languageOf, useLook } from './store/look';

async function start(root: HTMLElement): Promise<void> {
  const page = createRoot(root);
  await loadLanguage(languageOf(useLook.getState().language));
  try {
    const messenger = await openMessenger(await loadConfiguration());
    page.render(
      <StrictMode>
        <MessengerProvider value={messenger}>
          <App />
        </MessengerProvider>
      </StrictMode>,
    );
  } catch (error) {
    console.error(error);
    page.render(<Unavailable />);
  }
  await startWorker();
}

const root = document.getElementById('root');
if (root) void start(root);
